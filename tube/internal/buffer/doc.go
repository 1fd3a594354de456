// Package buffer holds what a tube has read and nobody has taken yet, and finds things in it.
//
// Bytes that come are read into its [Buffer.Room], so that they are copied once, to whoever takes them. They lie in chunks
// that are never joined: a delimiter or a match may begin in one and end in the next. Whatever is asked, the cost is linear in the
// bytes that came, also where the same is asked again and again while more and more comes (see [Buffer.Mark]); of memory it takes hardly
// more than the bytes.
//
// It knows nothing of time, connections and errors: that is the tube's.
package buffer
