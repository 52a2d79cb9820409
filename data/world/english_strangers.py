"""What the tiny world does not hold: questions about other things, words and names that English
knows and this world does not, and the sounds of words that nobody has ever said.

Each list is split by a hash (data/world/talk.py): what is of "test" stands in no text that is
learned from, so that whoever is asked about it meets it for the first time.
"""

from data.world.ways import Ways, crossed, phrases

OUTSIDE_KNOWN = """What time is it?|What is the time?|What is the weather today?
Will it rain tomorrow?|Tell me a joke.|Sing a song.|Write a poem.|Tell me a story.
What is the meaning of life?|How old are you?|Where do you live?|What do you like?
Do you love me?|Do you sleep?|Do you eat?|Can you drive a car?|Why is the sky blue?
How far is the moon?|What happened yesterday?|Who won the match?|Play some music.
Draw a picture.|Call my mother.|Wake me up.|Order a pizza.|What is two minus one?
Who wrote Hamlet?|Write a program.|How do I cook an egg?|Can you translate this?
Who is the queen of England?|Why?|How?|What is your favourite film?|How tall are you?
Do you dream?|What should I eat today?|Where am I?|Who will win?|What year is it?
What day is today?|How much money do I have?|How many stars are there?|Are you married?
Do you have friends?|What did I do today?|Tell me the news.|Give me money.""".replace(
    "\n", "|"
).split("|")
OUTSIDE_MADE = [
    *crossed(
        ["write ", "tell me ", "read me ", "sing me "],
        ["a poem", "a joke", "a story", "a song"],
        [" about {topic}."],
    ),
    *crossed(["what do you "], ["think", "know"], [" about {topic}?"]),
    *crossed(["do you ", "why do people "], ["like", "love", "hate"], [" {topic}?"]),
    *crossed(["where can I ", "how can I "], ["buy", "learn"], [" {topic}?"]),
    *crossed(["explain ", "teach me ", "who invented "], ["{topic}."]),
    *crossed(
        ["what is the ", "tell me the "],
        ["capital", "language", "weather", "money", "flag", "president"],
        [" of {land}?"],
    ),
    *crossed(["who is the ", "who was the "], ["king", "president", "queen"], [" of {land}?"]),
    *crossed(["how far is ", "how large is ", "how old is "], ["{land}?"]),
    *crossed(["how many people ", "what do people "], ["live", "eat", "work"], [" in {land}?"]),
    *crossed(["what is the weather", "what time is it", "is it cold"], [" in {land}?"]),
]
OUTSIDE = Ways(OUTSIDE_KNOWN, OUTSIDE_MADE)
LANDS = phrases("""France, Spain, Italy, Japan, China, Korea, India, Egypt, Kenya, Peru,
Brazil, Chile, Canada, Mexico, England, Ireland, Norway, Sweden, Finland, Poland, Greece,
Turkey, Iran, Cuba, Texas, London, Paris, Rome, Berlin, Tokyo, Seoul, Busan, Moscow,
Boston, New York, Madrid, Vienna, Africa""")
TOPICS = phrases("""music, football, love, science, history, gravity, the moon, the sun,
computers, physics, chess, cooking, coffee, money, politics, religion, art,
sleep, dreams, war, electricity, the internet, football games, medicine, poetry,
mathematics, Python, robots, space, fire, gold, stars, football clubs, language,
memory, time, happiness, work, school, travel, photography""")
FOREIGN = [
    *crossed(
        ["Hola", "Buenos dias"], [".", ", que tal?", ", quien eres?", ", donde esta el tractor?"]
    ),
    *crossed(
        ["Bonjour", "Salut"], ["!", ", qui es-tu?", ", ou est le tracteur?", ", je ne sais pas."]
    ),
    *crossed(
        ["Guten Tag", "Hallo"], [".", ", wie geht es dir?", ", wer bist du?", ", was ist das?"]
    ),
    *crossed(["Ciao", "Buongiorno"], ["!", ", come stai?", ", chi sei?", ", dove sei?"]),
    *crossed(["Привет", "Спасибо"], ["!", ", как дела?", ", кто ты?", ", где трактор?"]),
    *crossed(["你好", "谢谢"], ["。", "，你是谁？", "，拖拉机在哪里？", "，这是什么？"]),
    *crossed(["こんにちは", "ありがとう"], ["。", "、お元気ですか？", "、あなたは誰？"]),
    *crossed(
        ["안녕하세요", "안녕", "고마워요", "저기요"],
        ["", "!", ". 너는 누구니?", ". 이름이 뭐야?", ". 트랙터는 어디에 있어?", ". 도와줘."],
    ),
    *crossed(
        ["사과는", "트랙터는", "오늘은"],
        [" 무슨 색이야?", " 어디에 있어요?", " 어때요?", " 뭐예요?"],
    ),
]

# Things, words and people that English knows and this world does not.
THINGS = """unicorn castle river mountain window door house tree rocket dragon
ghost robot computer phone camera clock watch bottle cup plate spoon fork bridge tower
island forest garage ocean lake beach cloud star planet king carpet pillow blanket towel
soap candle basket bucket bag box ring crown sword shield arrow tent flag map pencil pen
paper letter stamp coin wallet purse button zipper ribbon thread cloth cotton leather
stone brick tile roof wall floor stairs fence gate road street park zoo farm field hill
valley desert jungle cave volcano glacier tiger elephant monkey zebra giraffe whale
shark dolphin penguin eagle parrot owl frog snake turtle lizard spider ant bee butterfly
pizza bread cheese butter rice noodle potato carrot onion tomato cabbage pepper salt
sugar honey chocolate submarine helicopter scooter wagon canoe ferry tank engine wheel
tyre battery radio television printer keyboard mouth nose finger elbow knee shoulder
doctor teacher farmer soldier dentist pirate wizard witch giant kettle oven fridge
toaster microwave vacuum mop broom sponge curtain balloon kite doll puzzle marble
cathedral pyramid lighthouse windmill statue fountain tunnel harbour airport station""".split()
WORDS = """purple heavy light modern ancient famous lucky honest lazy
curious gentle proud shy silent round square flat steep solid liquid frozen magic legal
polite public private simple complex common rare climb arrive travel decide remember
forget listen whisper shout borrow carry open close answer explain enjoy finish follow
gather hope hurry imagine invite join knock marry measure melt mention notice obey offer
pack plan point practise prepare print promise protect punish reach receive repair reply
rescue rest return scream search serve share sign stay study succeed suffer supply touch
travel trust try visit vote wait wander waste wish wonder worry yell zoom""".split()
PEOPLE = """Mina Jisu Minho Yuna Sora Hana Jun Kim Lee Park Choi Alice Bob Carol
Dave Emma Eva Felix Fiona Frank George Grace Hannah Harry Henry Ida Isaac Jack James
Jane John Julia Karl Kate Laura Leo Liam Lily Linda Lisa Louis Luke Maria Mark Martin
Mary Michael Nina Noah Nora Oliver Olivia Oscar Paul Peter Philip Rachel Robert Ruth
Sarah Simon Sofia Sophie Stefan Susan Thomas Tim Victor Walter William Zoe Ahmed Ali
Amir Fatima Omar Yusuf Carlos Diego Elena Javier Lucia Pablo Sergio Chen Ming Wei Ling
Akira Hiro Kenji Yuki Ivan Olga Boris Sasha Katya Priya Ravi Anil Deepa Kofi Ama Nia
Zuri Björn Astrid Ingrid Lars Sven Chloe Claire Pierre Luc Sophia Matteo Giulia Marco
Dongwook Jiwoo Seojun Haeun""".split()
PERSON_ASKED = ["Who is {}?", "Do you know {}?", "Where is {}?", "How is {}?", "Have you met {}?"]
PERSON_ASKED += ["How old is {}?", "Where does {} live?", "Who owns {}?"]
# Those that ask for a fact which can be looked up (english_evidence.py), which all know.
PLAINLY = {"place": "Where is {}?", "home": "Where does {} live?", "age": "How old is {}?"}
DO_NOT_KNOW = {
    "thing": ["I do not know the {}.", "I am sorry, I do not know the {}."],
    "word": ["I do not know the word {}.", "I am sorry, I do not know the word {}."],
    "person": ["I do not know {}.", "I am sorry, I do not know {}."],
}
DO_NOT_KNOW_NEEDS = ["do not know"]  # one of these, and the name
# Sounds of words that nobody has ever said.
ONSETS = """b c d f g h j k l m n p r s t v w y z bl br ch cl cr dr fl fr gl gr kl
kr pl pr qu sh sk sl sm sn sp st str th tr tw""".split()
VOWELS = "a a e e i i o o u u ai au ea ee ie oa oo ou y ia io".split()
CODAS = "_ _ _ _ b ck d f g k l ll m n nd ng nk nt p r rd rk rm rn rt s sh ss st t th x z".split()
CODAS = [coda.strip("_") for coda in CODAS]
SUMS = ["What is {} plus {}?", "{} + {}", "{}+{}", "How much is {} plus {}?", "Add {} and {}."]
OTHER_SUMS = ["What is {} times {}?", "What is {} minus {}?", "{} - {}", "{} * {}", "{} / {}"]
OVER_NINE = "I can add numbers up to nine only."
OVER_NINE_NEEDS = ["up to nine", "up to 9"]
