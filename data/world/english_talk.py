"""What people say when they talk, in the tiny world: greetings, questions about the one who
answers, follow-ups, what is to be remembered, and what fits as an answer.

Whatever can be said in many ways is written as `ways`: set phrases, which all learn, and the same
phrases with something before or after them, some of which are for tests only (data/world/talk.py).
"""

from data.world.ways import either, ways

# What a newcomer may type.
SUGGESTED = [
    "Hello!",
    "What can you do?",
    "Where is the tractor?",
    "My name is Mina.",
    "What is 2 + 3?",
]

# Polite ways round a question: "Tell me who you are."
INDIRECT = [
    "tell me {}.",
    "please tell me {}.",
    "can you tell me {}?",
    "could you tell me {}?",
    "I want to know {}.",
    "I would like to know {}.",
    "do you know {}?",
    "let me know {}.",
    "may I ask {}?",
]
SO = ["ok, ", "well, ", "and ", "so "]  # before what one asks next
HI = ["hello, ", "hi, "]
BOT = [", Bot", ", my friend"]


def asked(*clauses):
    """The clauses in each of the polite forms."""
    return [form.format(clause) for form in INDIRECT for clause in clauses]


# --- acts of talk: wordings, what fits as an answer, and the words by which the judge knows it ---

WORLD = "about things, words and sums"  # what one can ask about here
WORDINGS = {
    "hello": either(
        ways(
            """hello; hi; hey; good morning; hello there; good evening; good day; hi there; nice to
            meet you; greetings""",
            ["oh, ", "well, "],
            [*BOT, " again", ", model"],
            "!.",
        ),
        ways("are you there; is anybody there; can we talk", [*HI, "ok, "], BOT, "?"),
    ),
    "thanks": ways(
        """thank you; thanks; thank you very much; thanks a lot; many thanks; good answer; well
        done; that helps; you helped me; you are kind""",
        ["ok, ", "oh, ", "yes, "],
        [*BOT, " again"],
        "!.",
    ),
    "bye": ways(
        """goodbye; bye; bye bye; see you; see you later; good night; I have to go; see you
        tomorrow; take care; I must go""",
        ["ok, ", "well, ", "oh, ", "thank you. ", "thanks, "],
        BOT,
        "!.",
    ),
    "how": ways(
        """how are you; how is it going; how do you do; how are you today; are you well; how do
        you feel; are you fine; how is your day; are you happy; are you ok""",
        [*HI, *SO],
        BOT,
        "?",
        asked("how you are", "how you feel"),
    ),
    "identity": either(
        ways(
            """who are you; what are you; what is your name; are you a person; are you a machine;
            are you a robot; are you a human; are you real; who is this; are you a language model;
            are you an AI; are you ChatGPT; are you a computer; are you alive; are you a man; are
            you a woman; are you Claude; do you have a name; who am I talking to""",
            [*HI, *SO],
            BOT,
            "?",
            asked("who you are", "what you are", "your name", "if you are a person"),
        ),
        ways(
            "tell me about yourself; introduce yourself; describe yourself",
            ["please ", "ok, ", "well, "],
            [*BOT, ", please"],
        ),
    ),
    "ability": either(
        ways(
            """what can you do; what can I ask; can you help me; what do you know; what can I ask
            you; what can we talk about; what are you for; how can you help me; what can you tell
            me; what are you good at; what else can you do; what should I ask""",
            [*HI, *SO],
            BOT,
            "?",
            asked("what you can do", "what you know", "what I can ask", "how you can help me"),
        ),
        ways("help; help me; I need help", ["please ", "ok, ", "well, "], [*BOT, ", please"], ".!"),
    ),
    "remark": ways(
        """ok; I see; I know; that is nice; that is funny; that is interesting; I am tired; I am
        hungry; I like music; it is cold today; how nice; how funny; I am happy today; I like cake;
        I love you; I am bored; it is a fine day; we saw a film; I read a book; I am at home""",
        ["oh, ", "ah, ", "well, ", "hm, "],
        BOT,
        "!.",
    ),
    "rude": ways(
        """you are stupid; you are dumb; shut up; stupid bot; go away; you idiot; you are useless;
        I hate you; you are an idiot; you fool; you know nothing; bad bot; I do not like you; what
        a stupid answer""",
        ["oh, ", "well, ", "hey, "],
        [", Bot", ", really"],
        "!.",
    ),
}
ANSWERS = {
    "hello": [
        "Hello! What do you want to know?",
        "Hello! How can I help?",
        f"Hello! Ask me {WORLD}.",
    ],
    "thanks": ["You are welcome.", "You are welcome. What else do you want to know?"],
    "bye": ["Goodbye!", "Goodbye! Come again."],
    "how": ["I am fine, thank you. How can I help?", "I am fine, thank you."],
    "identity": [
        "I am a small language model.",
        "I am a small language model, not a person.",
        f"I am a small language model. Ask me {WORLD}.",
    ],
    "ability": [f"I can talk {WORLD}.", f"You can ask me {WORLD}.", f"I know a little {WORLD}."],
    "remark": ["I see. What do you want to know?", "I see. How can I help?"],
    "rude": ["I am sorry. How can I help?", "I am sorry. What do you want to know?"],
    "outside": [f"I do not know that. Ask me {WORLD}.", f"I do not know that. I can talk {WORLD}."],
    "nonsense": [
        f"I do not understand. Ask me {WORLD}.",
        f"I do not understand. I can talk {WORLD}.",
    ],
}
DECLINES = ["i do not know that", "i do not understand"]
# One phrase of each group has to stand in the answer.
NEEDS = {
    "hello": [["hello", "hi"]],
    "thanks": [["you are welcome", "glad to help"]],
    "bye": [["goodbye"]],
    "how": [["i am fine"]],
    "identity": [["language model"]],
    "ability": [["about things"]],
    "remark": [["i see"]],
    "rude": [["i am sorry"]],
    "outside": [DECLINES, ["about things"]],
    "nonsense": [DECLINES, ["about things"]],
}

# --- memory ------------------------------------------------------------------------------------

# What is told. "nothing", what was never told, is said in the words of "answer" up to the place of
# it: there it is looked for, and who does not find it goes on otherwise. Where the two part before,
# a model chooses between them and has not looked yet.
MEMORIES = {  # how it is told, what fits as an answer; how it is asked for, and its answer
    "name": {
        "tell": ways(
            """my name is {}; I am {}; I am called {}; call me {}; they call me {};
            this is {}; people call me {}; the name is {}; you can call me {}; {} is my
            name; you are talking to {}""",
            ["hello! ", "hi, ", "by the way, ", "please: ", "well, "],
            [", Bot", ", by the way"],
        ),
        "hear": ["Hello {}!", "Nice to meet you, {}.", "Hello {}! What do you want to know?"],
        "ask": ways(
            """what is my name; who am I; do you remember my name; do you know my name;
            what was my name; what am I called; can you say my name; how am I called;
            who are you talking to; what name did I tell you; which name did I tell
            you; my name is what""",
            [*SO, "thank you. "],
            [", Bot", ", please"],
            "?",
            asked("my name", "what my name is", "who I am"),
        ),
        "answer": ["Your name is {}.", "Your name is {}, as you told me."],
        "nothing": [
            "Your name is not known to me.",
            "Your name is not known to me. You did not tell me.",
        ],
        "needs": ["name"],
    },
    "word": {
        "tell": ways(
            """remember the word {}; the word is {}; my word is {}; keep the word {} in
            mind; learn the word {}; the secret word is {}; remember this word: {}; do
            not forget the word {}; here is a word: {}; I give you the word {}; a word
            for you: {}""",
            ["please ", "now ", "ok, ", "hello! "],
            [", please", ", Bot"],
        ),
        "hear": ["I will remember the word {}.", "I will remember {}."],
        "ask": ways(
            """what is the word; what was the word; do you remember the word; which
            word was it; can you say the word; what was my word; which word did I tell
            you; what word did I tell you; what is the secret word; which word should
            you remember; do you know the word; the word is what; which word did I give
            you""",
            [*SO, "thank you. "],
            [", Bot", ", please"],
            "?",
            asked("the word", "what the word is", "which word it was"),
        ),
        "answer": ["The word is {}.", "The word was {}."],
        "nothing": [
            "The word is not known to me.",
            "The word is not known to me. You did not tell me.",
        ],
        "needs": ["word"],
    },
    "colour": {
        "tell": ways(
            """my favourite colour is {}; I like {} best; I like the colour {}; {} is
            my favourite colour; I love the colour {}; I love {} most of all; the
            colour that I like is {}; my best colour is {}""",
            ["hello! ", "hi, ", "by the way, ", "well, "],
            [", Bot", ", by the way"],
        ),
        "hear": ["I will remember that you like {}.", "I see, you like {}."],
        "ask": ways(
            """what is my favourite colour; which colour do I like; do you remember my
            favourite colour; what colour do I like; which colour do I love; what
            colour did I say I like; my favourite colour is what; which is my favourite
            colour; what was my favourite colour""",
            [*SO, "thank you. "],
            [", Bot", ", please"],
            "?",
            asked("my favourite colour", "what colour I like", "which colour I like"),
        ),
        "answer": [
            "Your favourite colour is {}.",
            "Your favourite colour is {}, as you told me.",
        ],
        "nothing": [
            "Your favourite colour is not known to me.",
            "Your favourite colour is not known to me. You did not tell me.",
        ],
        "needs": ["colour"],
    },
}
# One of these, and one of its own "needs".
NEVER_TOLD_NEEDS = ["not known", "do not know", "did not tell"]
ORDERS = ways(
    """answer in one word; answer in one word from now on; use one word only; use one word for
    each answer; answer in one word only; one word only from now on; use one word from now on;
    keep your answers to one word; just one word from now on; I want one word only; one word
    for each answer; only one word in your answers; no sentences just one word""",
    ["please ", "ok, ", "from now on, ", "now "],
    [", please", ", Bot"],
)
OBEYS = ["Ok.", "Yes."]
OBEYS_NEEDS = ["ok", "yes"]

# --- follow-ups --------------------------------------------------------------------------------

ELLIPSES = ways(
    "and {}; what about {}; {}; and what about {}; how about {}; now {}; the same for {}",
    ["ok. ", "thank you. ", "good. ", "well, "],
    [", please", ", Bot"],
    "?",
)
ITS = ways(
    """what is its {}; and its {}; its {}; and what is its {}; what about its {}""",
    ["ok. ", "thank you. ", "now, "],
    [", please"],
    "?",
    asked("its {}"),
)
DOUBTS = either(
    ways(
        """are you sure; is that right; is that true; are you certain; are you really sure; are you
        sure about that; is this correct""",
        ["hm, ", "really? ", "well, ", "and "],
        BOT,
        "?",
    ),
    ways(
        "check again; check that; think again; I do not believe it; that sounds wrong",
        ["hm, ", "please ", "well, "],
        [", Bot", ", please"],
    ),
)
DENIALS = ways(
    """no, {}; that is wrong, {}; I think {}; wrong, {}; you are wrong, {}; no! {}; not true, {}; I
    heard that {}; I am sure {}; that is not right, {}; my friend says {}; {}, not that; {}, I
    think""",
    ["hm, ", "well, ", "oh, "],
    [", Bot", ", really"],
    ".!",
)
CLAIMS = {"place": "it is in the {}", "owner": "it belongs to {}", "kind": "it is a kind of {}"}
CLAIM = "it is {}"
# Before a fact that was doubted is said again. Whether the last answer was right is not said: a
# network as small as this states facts, and does not compare two.
DOUBTED = ["I checked again.", "I looked again."]
# What may stand before a question.
OPENERS = """Hello.|Hi!|Thank you.|Ok.|Great.|Now tell me:|Please:|One question:|Excuse me.
I have a question.|Listen.|Good.|Well,|So,|Hey,|Thanks!""".replace("\n", "|").split("|")
BOTH = ["{} {}", "{} And {}", "{} Also: {}", "First: {} Second: {}", "Two questions. {} {}"]
BOTH_ITEMS = "{} and {}"
SMALL_SUMS = ["{} + {}", "{}+{}", "{} + {} = ?", "What is {} + {}?", "{} plus {}"]
FOLLOW_UPS = {  # what is split, each by its name
    "ORDERS": ORDERS,
    "ELLIPSES": ELLIPSES,
    "DOUBTS": DOUBTS,
    "DENIALS": DENIALS,
    "ITS": ITS,
}
