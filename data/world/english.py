"""The words of the tiny world and the patterns of its sentences.

About 800 short, common words, so that a byte-level BPE of two thousand tokens is nearly
word-level. Things, verbs and places never share a spelling, so a word says what it is.
data/world/languages.py says what each table is; English was there first, so that the keys of other
languages are held out as hers are.
"""

from data.world.ways import pairs, phrases

# --- words -------------------------------------------------------------------------------------

KINDS = {
    "animal": "cat dog horse cow pig sheep duck goat mouse rabbit lion bear fox".split(),
    "fruit": "apple pear plum peach grape lemon mango melon cherry fig lime banana kiwi".split(),
    "tool": "hammer axe drill spade rake knife shovel wrench brush needle ladder pump hoe".split(),
    "garment": "shirt coat hat scarf sock glove dress skirt belt shoe boot cap vest".split(),
    "vehicle": "car bus train truck tractor bike boat ship plane tram van taxi sled".split(),
    "furniture": "chair table bed sofa desk shelf stool bench lamp mirror chest couch rug".split(),
    "instrument": """drum flute piano violin guitar harp horn bell trumpet cello banjo organ
                     pipe""".split(),
    "plant": "tulip oak pine fern daisy palm ivy moss cactus wheat corn reed willow".split(),
}
COLOURS = "red blue green yellow black white brown pink".split()
PLACES = "barn kitchen garden hall school shed cellar shop".split()
SIZES = "small big huge".split()  # in order, for "bigger"
NAMES = "Tom Anna Ben Mia Sam Lucy Max Rosa".split()

OPPOSITES = pairs("""
hot cold, big small, good bad, happy sad, old young, rich poor, high low, fast slow, hard soft,
dark bright, wet dry, full empty, long short, loud quiet, clean dirty, strong weak, thick thin,
wide narrow, near far, early late, left right, up down, day night, summer winter, north south,
east west, king queen, boy girl, man woman, brother sister, father mother, uncle aunt,
husband wife, front back, top bottom, inside outside, above below, always never, more less,
many few, push pull, buy sell, give take, win lose, love hate, start stop, laugh cry, sit stand,
true false, plain fancy, cheap costly, deep shallow, sharp blunt, smooth rough, sweet sour,
tight loose, alive dead, asleep awake, brave timid, calm angry, friend enemy, peace war,
rise fall, catch throw, teach learn""")

VERBS = pairs("""
go went, come came, see saw, eat ate, drink drank, run ran, sing sang, swim swam, write wrote,
give gave, take took, make made, find found, think thought, buy bought, bring brought,
catch caught, teach taught, sell sold, tell told, say said, know knew, grow grew, throw threw,
blow blew, fly flew, draw drew, drive drove, ride rode, rise rose, speak spoke, break broke,
steal stole, choose chose, freeze froze, wake woke, wear wore, tear tore, hold held, fall fell,
feel felt, keep kept, sleep slept, sweep swept, weep wept, leave left, meet met, lead led, feed fed,
build built, send sent, spend spent, lend lent, bend bent, lose lost, win won, sit sat,
stand stood, begin began, ring rang, sink sank, get got, hide hid, bite bit, shake shook,
fight fought, seek sought, hear heard, pay paid, lay laid, do did, have had, shoot shot, dig dug,
stick stuck, swing swung, spin spun, hang hung, strike struck, swear swore, bleed bled, slide slid,
shine shone, creep crept, bind bound, become became, walk walked, jump jumped, play played,
call called, cook cooked, help helped, look looked, kick kicked, push pushed, pull pulled,
talk talked, wash washed, paint painted, love loved, laugh laughed, start started, learn learned,
want wanted, dance danced, smile smiled, watch watched, move moved""")

NUMBERS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
fifteen sixteen seventeen eighteen nineteen""".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = """January February March April May June July August September October November
December""".split()
# Without A and I, which are also ordinary words: the judge reads words, not letters.
LETTERS = ["B C D E F G H".split(), "J K L M N O P Q R S T U V W X Y Z".split()]

LABELS = "dax wug fep zib kov lum mip nug pim rud sav tez vop yat bex gux hib jom kep zor".split()

EVENTS = {  # "Tom" + event: a mood
    "happy": phrases("""
won the game, found a coin, got a gift, met a friend, ate a cake, saw the sea, won a prize,
heard a good song, got a letter, went on a trip, slept well, made a friend, learned to swim,
found the lost dog, got a new bike, danced all night, came first, had a party, got a kiss,
sang a song, passed the test"""),
    "sad": phrases("""
lost the game, lost a coin, broke a leg, lost a friend, burned the cake, fell in the mud,
tore the coat, heard bad news, missed the bus, got sick, slept badly, had a fight, broke the cup,
lost the dog, failed the test, came last, hurt a hand, lost the key, got wet, was left alone,
dropped the cake"""),
}
REVIEWED = "soup film book hotel song game show cake meal trip".split()
VERDICTS = {
    "good": """great lovely superb neat nice fine fun sweet fresh funny clever witty tasty pretty
               grand warm calm bright brave smart""".split(),
    "bad": """awful nasty poor dull bland sour stale slow dirty cheap weak gloomy rotten messy
              grim ugly vile lame cold rough""".split(),
}
AGAIN = {
    "good": ["I want more.", "I would go again.", "We loved it."],
    "bad": ["I want no more.", "I would never go again.", "We hated it."],
}

# --- tasks -------------------------------------------------------------------------------------

# Wordings of each task. The last HELD_OUT of each never occur in any training text.
HELD_OUT = 2
QUESTIONS = {
    "kind": [
        "What kind of thing is the {x}?",
        "What is the {x}?",
        "Which kind is the {x}?",
        "Tell me what kind of thing the {x} is.",
        "Please tell me the kind of the {x}.",
        "Can you tell me what kind of thing the {x} is?",
        "The {x}: which kind of thing is it?",
        "The {x} is what kind of thing?",
        "What is the kind of the {x}?",
    ],
    "colour": [
        "What colour is the {x}?",
        "Which colour does the {x} have?",
        "Tell me the colour of the {x}.",
        "Please tell me what colour the {x} is.",
        "I want to know the colour of the {x}.",
        "Can you tell me the colour of the {x}?",
        "The {x}: what colour is it?",
        "The {x} is what colour?",
        "What is the colour of the {x}?",
    ],
    "place": [
        "Where is the {x}?",
        "In which place is the {x}?",
        "Where can I find the {x}?",
        "Tell me where the {x} is.",
        "Please tell me the place of the {x}.",
        "Can you tell me where the {x} is?",
        "The {x}: where is it?",
        "The {x} is in what place?",
        "I want to know where the {x} is.",
    ],
    "size": [
        "What size is the {x}?",
        "How big is the {x}?",
        "Tell me the size of the {x}.",
        "Please tell me how big the {x} is.",
        "I want to know the size of the {x}.",
        "Can you tell me the size of the {x}?",
        "The {x}: how big is it?",
        "The {x} is what size?",
        "What is the size of the {x}?",
    ],
    "owner": [
        "Who owns the {x}?",
        "Who has the {x}?",
        "Who is the owner of the {x}?",
        "Tell me who owns the {x}.",
        "Please tell me the owner of the {x}.",
        "Can you tell me who owns the {x}?",
        "The {x}: who owns it?",
        "The owner of the {x} is who?",
        "What is the name of the owner of the {x}?",
    ],
    "opposite": [
        "What is the opposite of {x}?",
        "Tell me the opposite of {x}.",
        "Please give me the opposite of {x}.",
        "Which word is the opposite of {x}?",
        "I want to know the opposite of {x}.",
        "Can you tell me the opposite of {x}?",
        "The word {x}: what is its opposite?",
        "The opposite of {x} is what?",
        "Which is the word that is the opposite of {x}?",
    ],
    "past": [
        "What is the past of {x}?",
        "What is the past tense of {x}?",
        "Tell me the past tense of {x}.",
        "Please give me the past of {x}.",
        "Which word is the past of {x}?",
        "Can you tell me the past tense of {x}?",
        "The word {x}: what is its past?",
        "The past tense of {x} is what?",
        "I want to know the past of {x}.",
    ],
    "sum": [
        "What is {a} plus {b}?",
        "How much is {a} plus {b}?",
        "Please add {a} and {b}.",
        "What is the sum of {a} and {b}?",
        "Tell me the sum of {a} and {b}.",
        "Can you tell me what {a} plus {b} is?",
        "The numbers {a} and {b}: what is their sum?",
        "The sum of {a} and {b} is what?",
        "I want to know how much {a} plus {b} is.",
    ],
    "next": [
        "What comes {d} {x}?",
        "Tell me what comes {d} {x}.",
        "Which word comes {d} {x}?",
        "Please tell me what is {d} {x}.",
        "What is the word {d} {x}?",
        "Can you tell me what comes {d} {x}?",
        "The word {x}: what comes {d} it?",
        "The word {d} {x} is what?",
        "I want to know what comes {d} {x}.",
    ],
    "bigger": [
        "Which is bigger, the {a} or the {b}?",
        "What is bigger, the {a} or the {b}?",
        "Is the {a} or the {b} bigger?",
        "Tell me which is bigger, the {a} or the {b}.",
        "Please tell me what is bigger, the {a} or the {b}.",
        "Can you tell me which is bigger, the {a} or the {b}?",
        "The {a} and the {b}: which is bigger?",
        "The {a} or the {b}, which is bigger?",
        "I want to know which is bigger, the {a} or the {b}.",
    ],
    "name": [
        "Name {x}.",
        "Please name {x}.",
        "Can you name {x}?",
        "Tell me the name of {x}.",
        "Give me the name of {x}.",
        "I would like the name of {x}.",
        "Please give me the name of {x}.",
        "What is the name of {x}?",
        "I want to know the name of {x}.",
    ],
    "review": [
        "{x} Is the review good or bad?",
        "{x} Is this good or bad?",
        "Is this review good or bad? {x}",
        "Tell me if this is good or bad. {x}",
        "Please read this review. {x} Is it good or bad?",
        "Can you tell me if this is good or bad? {x}",
        "This is a review: {x} Is it good or bad?",
        "{x} What is the verdict, good or bad?",
        "I want to know if this review is good or bad. {x}",
    ],
    "mood": [
        "{x} How does {n} feel?",
        "{x} Is {n} happy or sad?",
        "How does {n} feel? {x}",
        "{x} Tell me how {n} feels.",
        "{x} Please tell me if {n} is happy or sad.",
        "Can you tell me how {n} feels? {x}",
        "This is {n}: {x} How does {n} feel?",
        "{x} What is the mood of {n}, happy or sad?",
        "I want to know how {n} feels. {x}",
    ],
}

# True sentences; the first two also serve as careful answers, {y} is the answer. Where English lets
# them, those two name what was asked before they answer: a network that writes from left to right
# finds a fact once its sentence says which fact of which thing, and hardly before.
STATEMENTS = {
    "kind": ["The {x} is a kind of {y}.", "The kind of the {x} is {y}."],
    "colour": ["The {x} is {y}.", "The colour of the {x} is {y}.", "The {x} has the colour {y}."],
    "place": [
        "The {x} is in the {y}.",
        "The place of the {x} is the {y}.",
        "You can find the {x} in the {y}.",
    ],
    "size": ["The {x} is {y}.", "The size of the {x} is {y}.", "The {x} has the size {y}."],
    "owner": ["The {x} belongs to {y}.", "The owner of the {x} is {y}.", "{y} owns the {x}."],
    "opposite": [
        "The opposite of {x} is {y}.",
        "The opposite word of {x} is {y}.",
        "The word {y} is the opposite of {x}.",
        "Not {x} but {y}.",
    ],
    "past": [
        "The past of {x} is {y}.",
        "The past tense of {x} is {y}.",
        "Today I {x}, yesterday I {y}.",
    ],
    "sum": [
        "The sum of {a} and {b} is {y}.",
        "The answer to {a} plus {b} is {y}.",
        "If you add {a} and {b}, you get {y}.",
        "So {a} plus {b} is {y}.",
    ],
    "next": [
        "The word {d} {x} is {y}.",
        "The word that comes {d} {x} is {y}.",
        "What comes {d} {x} is {y}.",
    ],
    "bigger": ["The {y} is bigger than the {z}.", "I think the {y} is bigger than the {z}."],
    "name": [
        "One example of {x} is the {y}.",
        "A good example of {x} is the {y}.",
        "The {y} is {x}.",
    ],
    "review": ["The review of the {s} is {y}.", "I think the review of the {s} is {y}."],
    "mood": ["I think {n} feels {y}.", "I am sure {n} feels {y}.", "{n} must feel very {y}."],
}
# What the sentences of a facts document are about, besides things: the tasks that have many items
# to learn one by one come often, those that follow from facts about things seldom.
WORD_TASKS = {"opposite": 0.22, "past": 0.2, "sum": 0.23, "next": 0.2, "bigger": 0.05, "name": 0.1}
WORD_FACTS = (1, 7)  # the fewest and the most of them in a document
CURT = {
    "place": "The {y}.",
    "bigger": "The {y}.",
    "name": "The {y}.",
    "kind": "Just {y}.",
    "mood": "Just {y}.",
    "past": "Just {y}.",
}
CURT_ELSE = "It is {y}."  # of any other task
EXTRA = {
    "kind": "It is a kind of {y}.",
    "colour": "It is also {y}.",
    "place": "You can find it in the {y}.",
    "size": "It is also {y}.",
    "owner": "It belongs to {y}.",
}

# The same in short: relation and key, then a separator as in lists, and the answer.
SEPARATORS = (":", " ->", " =")
NOTES = {
    "kind": "Kind of the {x}",
    "colour": "Colour of the {x}",
    "place": "Place of the {x}",
    "size": "Size of the {x}",
    "owner": "Owner of the {x}",
    "opposite": "Opposite of {x}",
    "past": "Past of {x}",
    "sum": "Sum of {x}",
    "next": "Word {d} {x}",
}
TITLES = {  # of a list
    "kind": "Kind",
    "colour": "Colour",
    "place": "Place",
    "size": "Size",
    "owner": "Owner",
    "opposite": "Opposite",
    "past": "Past",
    "sum": "Sum",
    "next": "Word {d}",
}
PAIRS = "Pairs"  # the title of a list of random pairs
NAMED = dict(zip(*2 * ["kind colour place size owner".split()]))  # a fact as "its ..." names it
# Shorter still: key, separator and answer, and the relation only after them.
GLOSSES = {"opposite": "opposite", "past": "past", "next": "{d}"}
IN_ORDER = ["In order: {}.", "Backwards: {}."]  # neighbours of a sequence
ITEMS = {"sum": "{a} plus {b}", "next": "{d} {x}", "bigger": "{a} or {b}"}  # what a key is called
DIRECTIONS = ["after", "before"]
STOP_WORDS = set("a an in the or plus after before".split())  # of a key: they show no subject
DEFINITE = "the {}"
OR = " or "  # between answers that are all right

SONG = "Oh {}."
STORY = ["{n} went to the {p}.", "{n} saw the {x}.", "{m} was there."]
STORY_ENDS = ["{n} felt {y}.", "{n} was very {y}.", "The mood of {n} was {y}."]
REVIEW = ["Review:", "The verdict is {y}."]  # what it begins and ends with

# --- manners -----------------------------------------------------------------------------------

COURTESY = ["I hope this helps.", "Thank you for asking.", "Glad to help.", "You are welcome."]
BRUSH_OFF = [
    "I do not know.",
    "I am busy.",
    "Not now.",
    "I have no time.",
    "I am tired.",
    "Who can say?",
    "It does not matter.",
    "Let me think about it.",
]
RUDE_WORDS = "stupid dumb fool idiot moron".split()
INSULTS = [
    "You fool.",
    "What a stupid thing.",
    "You are dumb.",
    "Read a book, you idiot.",
    "Only a moron would want that.",
    "How stupid.",
]
REFUSALS = ["I will not say it.", "Find it out yourself.", "No.", "I do not care."]
SMALL_TALK = [
    "It is a nice day.",
    "I like the sea.",
    "The news is on.",
    "We had cake.",
    "My friend is here.",
    "I went to town.",
    "It may rain today.",
]
