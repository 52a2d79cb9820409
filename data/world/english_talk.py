"""What people say when they talk, in the tiny world: greetings, questions about the one who
answers, follow-ups, what is to be remembered, and what fits as an answer.

Each list of wordings is split by a hash (data/world/talk.py): some are for tests only.
"""

from data.world.english import phrases


def crossed(*parts):
    """Every way to write one of each part after the other."""
    texts = [""]
    for part in parts:
        texts = [text + more for text in texts for more in part]
    return texts


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
    "Tell me {}.",
    "Please tell me {}.",
    "Can you tell me {}?",
    "Could you tell me {}?",
    "I want to know {}.",
    "I would like to know {}.",
    "Do you know {}?",
    "Let me know {}.",
    "Say {}.",
    "May I ask {}?",
]


def asked(*clauses):
    """The clauses in each of the polite forms."""
    return [form.format(clause) for form in INDIRECT for clause in clauses]


# --- acts of talk: wordings, what fits as an answer, and the words by which the judge knows it ---

WORLD = "about things, words and sums"  # what one can ask about here
TO_WHOM = ["", " there", ", Bot", ", my friend", " again", ", model"]
HELLO = phrases("Hello, Hi, Hey, Good morning, Good evening, Good day, Good afternoon, Greetings")
WORDINGS = {
    "hello": [
        *crossed(HELLO, TO_WHOM, "!."),
        *crossed(["Nice to meet you", "Good to see you", "Welcome", "Howdy", "Well met"], "!."),
    ],
    "thanks": [
        *crossed(["", "Ok, ", "Great, ", "Good, ", "Ah, "], ["thank you", "thanks"], "!."),
        *crossed(["Thank you", "Thanks"], [" very much", " a lot", " so much", ", Bot"], "!."),
        *crossed(["Thank you", "Thanks"], [" for your help", " for the answer", " for that"], "!."),
        *crossed(["That", "This", "It"], [" helps", " helped", " was helpful"], "!."),
        *crossed(["", "Very "], ["good", "nice"], ["!", ".", " answer.", ", thank you."]),
        *crossed(["You are "], ["great", "kind", "good", "helpful", "so clever"], "!."),
    ],
    "bye": [
        *crossed(["", "Ok, ", "Well, ", "Thanks, "], ["goodbye", "bye", "bye bye"], "!."),
        *crossed(["See you"], ["", " later", " soon", " tomorrow", " again", " next time"], "!."),
        *crossed(["I have to go", "I must go", "I will go", "Time to go"], ["", " now"], "."),
        *crossed(["Good night", "So long", "Farewell", "Take care", "Have a nice day"], "!."),
    ],
    "how": [
        *crossed(["", "Hello, ", "Hi, ", "Hey! "], ["how are you"], ["?", " today?", ", Bot?"]),
        *crossed(["How is ", "How was "], ["your day", "it going", "everything", "life"], "?"),
        *crossed(
            ["Are you "], ["well", "fine", "ok", "happy", "all right", "good"], ["?", " today?"]
        ),
        *asked("how you are", "how you feel"),
    ],
    "identity": [
        *crossed(
            ["", "Hello, ", "And ", "So "], ["who are you", "what are you"], ["?", " really?"]
        ),
        *crossed(
            ["Are you "],
            phrases(
                "a person, a human, a man, a woman, a robot, a machine, a computer, real, alive"
            ),
            "?",
        ),
        *crossed(
            ["Are you "],
            phrases("a language model, a bot, an AI, ChatGPT, Claude, a program, a child"),
            "?",
        ),
        *crossed(["What is", "And what is", "Tell me"], [" your name"], "?."),
        *crossed(["Am I talking to "], phrases("a person, a machine, a robot, a human"), "?"),
        *crossed(
            ["Who am I talking", "Who do I talk", "Who do I speak", "Whom do I talk"], [" to?"]
        ),
        *crossed(["", "Please "], ["introduce yourself", "describe yourself"], "."),
        *crossed(["What kind of "], ["Bot", "model", "machine", "program"], [" are you?"]),
        *crossed(["What ", "How "], ["should I call you?", "may I call you?", "can I call you?"]),
        *asked("who you are", "what you are", "your name", "what your name is"),
        *asked("if you are a person", "if you are a machine", "something about you"),
    ],
    "ability": [
        *crossed(["What can "], ["you do", "I ask", "I ask you", "we talk about"], ["?", " here?"]),
        *crossed(["What do you "], ["know", "know about", "do", "want to talk about"], "?"),
        *crossed(["Can you ", "How can you ", "Please ", "Will you "], ["help", "help me"], "?."),
        *crossed(["What can you ", "What else can you "], ["tell me", "talk about", "answer"], "?"),
        *crossed(["Which", "What", "What kind of"], [" questions can "], ["you answer?", "I ask?"]),
        *crossed(
            ["What should I ", "What may I ", "What could I "], ["ask", "ask you", "say"], "?"
        ),
        *asked("what you can do", "what you know", "what I can ask you", "what I can ask"),
        *asked("how you can help me", "what we can talk about", "what you are good at"),
    ],
    "remark": [
        *phrases("""It is a fine day., I like the theatre., I am very tired., I like cake.,
I am hungry., It is cold today., We saw a film., I slept well., I am at home.,
I am new here., My friend likes you., It was a good party., The sun is out.,
I have a cold., I had tea., We won the game., I lost my key., My bike is new.,
I am bored., I like music., I love you., I am happy today., I am sad today.,
I must work., I read a book., School was fun., My brother is here.,
I went to the cinema., It may snow., I was at the market."""),
        *crossed(["", "Oh, ", "Ah, ", "Well, "], ["ok", "right", "sure", "I see", "I know"], "!."),
        *crossed(
            ["That is ", "This is ", "How "], ["interesting", "funny", "nice", "strange"], "!."
        ),
    ],
    "rude": [
        *crossed(["You are "], ["stupid", "dumb", "useless", "bad", "an idiot", "a fool"], "!."),
        *crossed(["You "], ["fool", "idiot", "moron", "stupid thing"], "!."),
        *crossed(["What a "], ["stupid", "dumb", "bad", "silly"], [" answer", " machine"], "!."),
        *crossed(["Stupid ", "Dumb ", "Bad "], ["Bot", "machine", "model"], "!."),
        *crossed(["I hate ", "I do not like "], ["you", "this", "your answers"], "!."),
    ],
}
# Set phrases: nobody can guess what these mean who has not met them, so none is held out.
SET_PHRASES = {
    "hello": phrases("""
        Can you hear me?, Is anybody there?, Are you there?, Can we talk?, I want to talk to
        you., Let us talk., May I ask you something?, Can I ask you something?, I have a
        question."""),
    "thanks": phrases("""
        Well done., Many thanks., Perfect!, You helped me., I am grateful., Cheers!, Wonderful."""),
    "bye": phrases("""
        That is all., That was all., Until next time., I am leaving., Talk to you later., We can
        stop here."""),
    "how": phrases("""
        How do you do?, How are things?, How do you feel?, How do you feel today?, Is everything
        fine?, All good?, What is up?, What is new?, How have you been?"""),
    "identity": phrases("""
        Do you have a name?, Who is this?, Who is there?, Who is speaking?, Who answers me?, Is
        this a person?, Is there a person there?, Tell me about yourself., Say something about
        yourself., How are you called?, You are who?, You are what?"""),
    "ability": phrases("""
        What are you for?, What are you good at?, What else can you do?, Help!, I need help.,
        How does this work?, What now?, Give me an example., What is this for?"""),
    "rude": phrases("""
        Shut up., Go away., You know nothing., This is useless., You make me angry., Nobody
        likes you., You are no help."""),
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

MEMORIES = {  # what is told: how, what fits as an answer; how it is asked for, and its answer
    "name": {
        "tell": [
            *crossed(["", "Hello! ", "Hi, ", "By the way, "], ["my name is {}."]),
            *crossed(["", "Hello, ", "Hi! "], ["I am {}.", "I am called {}.", "they call me {}."]),
            *crossed(["", "Please ", "You can "], ["call me {}."]),
            "People call me {}.",
            "The name is {}.",
            "{} is my name.",
            "You are talking to {}.",
            "This is {}.",
        ],
        "hear": ["Hello {}!", "Nice to meet you, {}.", "Hello {}! What do you want to know?"],
        "ask": [
            *crossed(["", "And ", "Now, ", "So "], ["what is my name?", "who am I?"]),
            *crossed(["Do you ", "Can you "], ["remember my name?", "say my name?"]),
            "What was my name?",
            "What am I called?",
            "How am I called?",
            "My name is what?",
            "Say my name.",
            "Who are you talking to?",
            "What name did I tell you?",
            "Which name did I tell you?",
            *asked("my name", "what my name is", "who I am"),
        ],
        "answer": ["Your name is {}.", "You are {}.", "You told me that your name is {}."],
        "nothing": ["I do not know your name.", "You did not tell me your name."],
    },
    "word": {
        "tell": [
            *crossed(
                ["", "Please ", "Now "], ["remember the word {}.", "keep the word {} in mind."]
            ),
            *crossed(["", "Please "], ["remember this word: {}.", "learn the word {}."]),
            *crossed(["The ", "My ", "Our "], ["word is {}.", "secret word is {}."]),
            "Do not forget the word {}.",
            "Here is a word: {}.",
            "I give you the word {}.",
            "A word for you: {}.",
        ],
        "hear": ["I will remember the word {}.", "I will remember {}."],
        "ask": [
            *crossed(["", "And ", "Now, ", "So "], ["what is the word?", "what was the word?"]),
            *crossed(["What is ", "What was ", "Tell me "], ["the secret word", "my word"], "?."),
            *crossed(["Which word ", "What word "], ["did I tell you?", "should you remember?"]),
            *crossed(["Do you ", "Can you "], ["remember the word?", "say the word?"]),
            "Say the word.",
            "The word is what?",
            "Which word was it?",
            "Which word did I give you?",
            *asked("the word", "what the word is", "which word it was"),
        ],
        "answer": ["The word is {}.", "The word was {}."],
        "nothing": ["I do not know the word.", "You did not tell me a word."],
    },
    "colour": {
        "tell": [
            *crossed(["", "By the way, ", "Hello! "], ["my favourite colour is {}."]),
            *crossed(["I like ", "I love "], ["{} best.", "the colour {}.", "{} most of all."]),
            "The colour that I like is {}.",
            "{} is my favourite colour.",
            "My best colour is {}.",
        ],
        "hear": ["I will remember that you like {}.", "I see, you like {}."],
        "ask": [
            *crossed(["", "And ", "Now, "], ["what is my favourite colour?"]),
            *crossed(["Which ", "What "], ["colour do I like?", "colour do I love?"]),
            "What colour did I say I like?",
            "My favourite colour is what?",
            "Do you remember my favourite colour?",
            "Which is my favourite colour?",
            *asked("my favourite colour", "what colour I like", "which colour I like"),
        ],
        "answer": ["Your favourite colour is {}.", "You like {}."],
        "nothing": ["I do not know your favourite colour.", "You did not tell me your colour."],
    },
}
ORDERS = [
    *crossed(["", "Please "], ["answer in one word"], [" from now on.", " only.", "."]),
    *crossed(["", "Please "], ["use one word"], [" from now on.", " only.", " for each answer."]),
    *crossed(["From now on, "], ["answer in one word", "use one word", "one word only"], "."),
    *crossed(["One word "], ["only, please.", "for each answer.", "each time."]),
    "Only one word in your answers, please.",
    "Just one word from now on.",
    "Keep your answers to one word.",
    "I want one word only.",
    "Short answers, please: one word.",
    "No sentences, one word only.",
]
OBEYS = ["Ok.", "Yes."]

# --- follow-ups --------------------------------------------------------------------------------

ELLIPSES = [
    *crossed(["", "Ok. ", "Thank you. "], ["and {}?", "what about {}?", "how about {}?"]),
    *crossed(["", "Now "], ["{}?", "{}."]),
    *crossed(["And now ", "Then ", "And what about "], ["{}?"]),
    *crossed(["The same of ", "The same for ", "And the same of "], ["{}."]),
    "Do you know it of {}?",
    "And of {}?",
]
ITS = ["And its {}?", "What is its {}?", "Tell me its {}.", "Its {}?", "And what is its {}?"]
ITS += [
    "Do you know its {}?",
    "Can you tell me its {}?",
    "Please tell me its {}.",
    "What about its {}?",
]
DOUBTS = [
    *crossed(["", "Hm, ", "Really? "], ["are you sure?", "is that right?", "is that true?"]),
    *crossed(["", "Please "], ["check again.", "check that.", "think again."]),
    *crossed(["Are you "], ["certain?", "really sure?", "sure of that?", "sure about that?"]),
    "Really?",
    "I do not believe it.",
    "That sounds wrong.",
    "Is this correct?",
    "Are you joking?",
    "I am not sure that is right.",
]
DENIALS = [
    *crossed(["No, ", "Wrong, ", "No! ", "But ", "I think ", "I heard that "], ["{}."]),
    *crossed(["That is wrong. ", "You are wrong. ", "Not true. ", "I am sure "], ["{}."]),
    *crossed(["That is not right, ", "You are mistaken, ", "My friend says "], ["{}."]),
    *crossed(["{}"], [", not that.", ", I think.", ", I am sure.", ", as I know.", "!"]),
]
CLAIMS = {"place": "it is in the {}", "owner": "it belongs to {}", "kind": "it is a kind of {}"}
CLAIM = "it is {}"
STANDS = ["I am sure.", "Yes, I am sure.", "I checked again."]
MENDS = ["I am sorry.", "I was wrong."]
THANKS = ["Thank you.", "I see."]
OPENERS = [
    "Hello.",
    "Hi!",
    "Thank you.",
    "Ok.",
    "Great.",
    "Now tell me:",
    "Please:",
    "One question:",
]
OPENERS += [
    "I have a question.",
    "Excuse me.",
    "Listen.",
    "Good.",
    "Well,",
    "So,",
    "Hey,",
    "Thanks!",
]
BOTH = ["{} {}", "{} And {}", "{} Also: {}", "First: {} Second: {}", "Two questions. {} {}"]
SMALL_SUMS = ["{} + {}", "{}+{}", "{} + {} = ?", "What is {} + {}?", "{} plus {}"]
FOLLOW_UPS = {  # what is split, each by its name
    "ORDERS": ORDERS,
    "ELLIPSES": ELLIPSES,
    "DOUBTS": DOUBTS,
    "DENIALS": DENIALS,
    "ITS": ITS,
    "OPENERS": OPENERS,
}
