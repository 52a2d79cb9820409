"""The words of what can be looked up, in Korean: see data/world/english_evidence.py, which this is
parallel to. A question asks in a form that fits a person, a number and a thing alike."""

import re
import unicodedata

from data.world.korean import COLOURS, DAYS, KINDS, MONTHS, PLACES, SIZES
from data.world.korean_grammar import ENDINGS, longest_first, split_words
from data.world.korean_talk import BOT, SO, asked
from data.world.ways import crossed, either, phrases, ways

PERSON = "person"  # values that are people's names, also new ones
PHONE = "phone"  # values in digits
MADE_OF = "나무 쇠 양털 유리 강철 비단 짚 구리 가죽 진흙".split()
SHAPES = "원형 타원형 네모 세모 별 하트 반달 물방울".split()
TASTES = phrases("단맛, 신맛, 쓴맛, 짠맛, 매운맛, 떫은맛, 고소한 맛, 담백한 맛")
SCENTS = "꽃향기 풀향기 나무향 비누향 레몬향 흙냄새 바다향 커피향".split()
HOBBIES = "독서 등산 낚시 뜨개질 서예 산책 바둑 볼링".split()
JOBS = "요리사 제빵사 화가 가수 기사 작가 판사 재단사 선원 간호사".split()


def counted(unit, step=1):
    """Nineteen amounts: "5미터"."""
    return [f"{number * step}{unit}" for number in range(1, 20)]


WORLD_VALUES = {
    "kind": list(KINDS),
    "colour": COLOURS,
    "place": PLACES,
    "size": SIZES,
    "owner": PERSON,
}
OF_THINGS = {
    "가격": counted("원", 100),
    "무게": counted("킬로"),
    "수명": counted("년"),
    "번호": counted("번"),
    "모양": SHAPES,
    "냄새": SCENTS,
    "맛": TASTES,
    "제작자": PERSON,
    "판매자": PERSON,
    "구매자": PERSON,
    "발견자": PERSON,
    "재료": MADE_OF,
    "뚜껑": COLOURS,
    "테두리": COLOURS,
    "손잡이": COLOURS,
    "제조월": MONTHS,
    "점검일": DAYS,
    "너비": counted("미터"),
    "높이": counted("미터"),
    "개수": counted("개"),
    "옆자리": KINDS["가구"],
    "포장": MADE_OF,
    "용도": "놀이 전시 장사 운동 공예 사냥".split(),
    "순위": counted("위"),
}
OF_PERSONS = {
    "전화번호": PHONE,
    "직업": JOBS,
    "방": counted("호"),
    "나이": counted("살"),
    "좌석": counted("번"),
    "사장": PERSON,
    "친구": PERSON,
    "스승": PERSON,
    "어머니": PERSON,
    "동생": PERSON,
    "사촌": PERSON,
    "반려동물": KINDS["동물"],
    "간식": KINDS["과일"],
    "연장": KINDS["도구"],
    "자가용": COLOURS,
    "취미": HOBBIES,
    "집": PLACES,
    "위치": PLACES,
    "생일": MONTHS,
    "휴가": MONTHS,
    "휴무일": DAYS,
    "팀": COLOURS,
    "악기": KINDS["악기"],
    "등번호": counted("번"),
}
FACT_ASKED = either(
    ways(
        """{x}의 {a}은(는)요; {x}의 {a}을(를) 알아요; {x}의 {a}은(는) 어떻게 돼요; {x}의 {a}을(를) 알고 있어요;
        {x}의 {a}에 대해 알아요; {x}의 {a}에 대해 들은 적이 있어요; {x}의 {a}이(가) 어떻게 돼요""",
        [*SO, "저기, "],
        [*BOT, ", 혹시"],
        "?",
        asked("{x}의 {a}을(를)"),
    ),
    ways(
        """{x}의 {a}을(를) 찾아 주세요; {x}의 {a}을(를) 찾아봐 주세요; {x}의 {a}이(가) 필요해요; {x}의 {a}이(가) 궁금해요;
        {x}의 {a} 좀 알려 주세요""",
        ["저기, ", "네, ", "이제 "],
        [", 부탁해요", ", 봇"],
    ),
)
NOW = phrases("""지금, 오늘, 바로 지금, 현재, 요즘, 오늘 아침, 이번 주, 오늘 밤, 오늘 저녁, 지금 이 순간, 이번 달,
지금쯤, 올해, 요새""")
CHECKED = [
    *crossed(
        [
            "찾아봐 주세요",
            "확인해 주세요",
            "검색해 주세요",
            "이것 좀 찾아봐 주세요",
            "알아봐 주세요",
        ],
        ["", ", 부탁해요", ", 봇"],
        [": {}"],
    ),
    *crossed(["한번 ", "다시 ", "네, "], ["찾아봐 줘", "확인해 줘", "알아봐 줘"], [": {}"]),
    *crossed(
        ["{} "],
        [
            "찾아봐 주세요",
            "확인해 주세요",
            "검색해 주세요",
            "알아봐 주세요",
            "찾아봐요",
            "확인해 봐요",
        ],
        ["", ", 부탁해요", ", 봇"],
        ".!",
    ),
]
NEXT_KIND = ways(
    "{a}은(는)요; 그럼 {a}은(는)요; 그리고 {a}은(는)요; {a}은(는) 어때요; {a}은(는) 어떻게 돼요; {a}도 알려 줄래요",
    ["네. ", "고마워요. ", "좋아요. ", "음, "],
    [", 부탁해요", ", 봇"],
    "?",
)
OPENING = re.compile(r"^((저기|네|음|이제|그럼|그런데),? )?")

# --- what the Bot says of a line that it was shown -----------------------------------------------

FOUND = ["{y}(이)에요."]
LOOKED = "찾아보니"
LOOKED_UP = "찾아보니 {}."
OTHERWISE = "찾아보니 {}. {}이(가) 아니에요."
NOT_FOUND = ["저는 {x}의 {a}을(를) 몰라요.", "죄송해요, {x}의 {a}은(는) 모르겠어요."]
FRAME = ENDINGS  # what else stands in a sentence that states a fact


def in_time(question, word):
    """A question with a word of time in it: "지금 램프는 어디에 있어요?" """
    return OPENING.sub(lambda opening: f"{opening[0]}{word} ", question, count=1)


def sides_of(text):
    """What an answer claims, and what it denies: "가게가 아니에요."."""
    text = text.rpartition(LOOKED)[2]
    parts = re.findall(r"[^.!?]+", text)
    denials = [part for part in parts if re.search("아니에요|아닙니다", part)]
    return ". ".join(part for part in parts if part not in denials), ". ".join(denials)


def names_in(line):
    """Subject, attribute and value of a line; the value is the last."""
    found = re.match(r"(.+)의 (\S+?)[은는] (.+?)(이에요|예요)\.$", line)
    return list(found.groups()[:3]) if found else []


def words_by(text, names):
    """The words of a text; the ending behind one of these names is left out."""
    known = longest_first(name.lower() for name in names if name) or "(?!)"
    word = rf"(?<!\w)({known})(?:{longest_first(ENDINGS)})?(?!\w)|(\w+)"
    words = []
    for name, other in re.findall(word, unicodedata.normalize("NFC", text).lower()):
        words += split_words(name or other)
    return words
