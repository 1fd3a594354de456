// Package geography is a netcat challenge about the world: 60 questions that a script answers in
// time and a person does not. It is made on real data (package geo), and it is also an example of a
// challenge to copy.
//
//	chal.Main(geography.New(geography.Options{}))
//
// # The protocol
//
// It is stable for scripts; its version is [Protocol]. The server ends lines with LF, and takes LF
// or CRLF. A line starts with what it is:
//
//	Q 17/60 capital What is the capital of France?   a question: number/rounds, kind, prompt
//	| …                                              the question's block, line by line, if it has one
//	>␣                                               without a line end: the server waits for a line,
//	                                                 and what it says next follows on the same line
//	OK NO LATE BAD FLAG BYE                          first words of what became of the line, and more text
//
// Every other line starts with a space or is empty: it is for people. After "> " the player sends one
// line: a command, or in a game an answer. Lines may be sent ahead of their questions, in any pieces;
// a last line that the end of the stream cuts off counts.
//
// Spaces around a line do not count: " Quito" gets past TLS clients that take a first Q for a command.
//
//	OK    the answer is right
//	NO    it is wrong: a ranked game is over, practice goes on
//	LATE  it did not come in time: the game is over
//	BAD   the line was no answer (too long, no UTF-8, NUL bytes, an unknown command; in a ranked game also
//	      what is no number, point or time where one is asked for): it does not count, and why is said
//	FLAG  the flag, or that of a checkpoint, is the rest of the line
//	BYE   the last line. After a ranked game: right/rounds, thinking time, replay id
//
// There is no ANSI sequence unless the player asks for color. The commands are start, practice [KIND],
// replay ID, menu, json, lang CODE, ascii, color, hint and quit; json, ascii and color switch on and off.
//
// # JSON
//
// After json each line is one object, both ways. From the player:
//
//	{"command":"start"}
//	{"answer":"Paris"}      also a number, or a list of both
//
// What is BAD as text is BAD in escapes: NUL bytes, halves of surrogate pairs, line ends within a text.
//
// From the server, the type being the word of the text protocol:
//
//	{"type":"HELLO","protocol":1,"session":"…","rounds":60,"seconds":60,"round_seconds":5,"kinds":[…],"languages":[…],"sources":[…]}
//	{"type":"Q","n":17,"rounds":60,"kind":"capital","prompt":"…","block":["…"],"left":41.2}
//	{"type":"OK","text":"…"}  also NO, LATE and BAD; in practice OK and NO have answer, also, why and sources
//	{"type":"FLAG","flag":"…"}
//	{"type":"BYE","right":17,"rounds":60,"thinking":18.8,"replay":"…","text":"…"}
//	{"type":"INFO","text":"…"}  for people
//
// block is left out when there is none, left (seconds of thinking time) in practice; right, rounds,
// thinking and replay when no ranked game was played. There is no "> ".
//
// # The ranked game
//
// 60 rounds, always counted, no question twice. The clock starts with the first question and runs only
// while the server waits: 60 seconds of thinking in all, 5 seconds a round. The network's smallest
// round trip as the kernel knows it (Linux) is not counted, at most 200 ms a round; behind a proxy,
// where the kernel does not know it, the budget is 120 seconds instead. A wrong answer ends the game
// with the score, and what would have been right is not said. Practice says it, with the sources, has no
// clock and no flag.
//
// Every kind says in its prompt, or after hint, how an answer looks and how exact it must be; hint in the
// menu tells it of all kinds. Lists are separated by ; or , (also -> | / tabs and dashes with spaces around
// them), numbers may have their thousands apart, an exponent, and a unit. Distances
// are along great circles of a sphere of radius 6371.0088 km and right to 1 %, bearings to 1 degree,
// antipodes to 20 km; a point that is asked about is at least 15 km inside its country in two atlases,
// and in no area that another claims; where a border is disputed both views are right; flags that look
// alike are all right; local times are of the years 2000 to 2024.
//
// A game's questions follow from HMAC(key, team, number); a [Replay] id carries these, signed.
//
// What it does not do: it keeps no scores (see [Options].Result), and it limits neither sessions nor
// their rate: chal.Server and its host do.
package geography
