"""What the tables and sentences made from records say in Korean. The English text is the key."""

from lab.words_memory import MEMORY
from lab.words_pareto import PARETO
from lab.words_probing import PROBING
from lab.words_scaling import SCALING

KOREAN = {
    # how figures are stated
    "One seed ({seeds}); {machine}.": "시드 하나({seeds}). {machine}.",
    "Mean ± half of the 95 % interval over {count} seeds ({seeds}), where the seeds differ; "
    "{machine}.": "시드 {count}개({seeds})의 평균 ± 95 % 구간의 절반(시드마다 다를 때). {machine}.",
    "*Of an earlier text of the world; today's models differ.*": "*이전 텍스트의 수치입니다.*",
    # answers
    "Share of correct answers to {n} held-out questions, marked by a program, the hidden judge "
    "(simulated).": "보류한 질문 {n}개의 정답률. 숨은 심판인 프로그램이 채점했습니다(시뮬레이션).",
    "base model, asked cold": "기본 모델, 예시 없이",
    "base model, after five worked examples": "기본 모델, 예시 다섯 개 뒤",
    "fine-tuned model, asked cold": "미세조정한 모델, 예시 없이",
    "fine-tuned model, new wordings of known questions": "미세조정한 모델, 처음 보는 말투의 질문",
    "sampled at temperature 1": "온도 1로 뽑은 답",
    "likeliest answer": "가장 그럴듯한 답",
    # conversation
    "Seeds {seeds}; {machine}.": "시드 {seeds}. {machine}.",
    "Share of right answers, the likeliest of each model: the mean over runs, each seed in "
    "each number format, and the worst of them in brackets. Names, words, wordings and, where "
    "a fact is asked, facts are held out; {n} turns of each skill. Marked by a program "
    "(simulated).": "정답률. 모델마다 가장 그럴듯한 답. 시드와 숫자 "
    "형식마다 한 번씩 돌린 결과의 평균이고, 괄호 안은 그중 가장 낮은 값입니다. "
    "이름, 낱말, 말투, 그리고 묻는 사실은 보류한 것입니다. 기술마다 {n}번 묻고 "
    "프로그램이 채점합니다(시뮬레이션).",
    "fine-tuned (SFT); {runs} runs": "지도 미세조정(SFT), {runs}회",
    "PPO, β = 0.05; {runs} runs": "PPO, β = 0.05, {runs}회",
    "PPO-ptx (the default); {runs} runs": "PPO-ptx(기본값), {runs}회",
    "PPO-ptx (the default)": "PPO-ptx(기본값)",
    "SFT on single questions only; {runs} runs": "한 질문씩만 배운 SFT, {runs}회",
    "single questions of held-out facts": "보류한 사실을 묻는 한 질문",
    "single questions in new wordings": "처음 보는 말투의 한 질문",
    'typed in a hurry: "whats the colour of the cat"': "급히 친 말: whats the colour of the cat",
    "the same questions, written with care": "같은 질문을 제대로 쓴 것",
    'sums in digits: "2 + 3"': "숫자로 쓴 덧셈: 2 + 3",
    "two questions in one line": "한 줄에 두 질문",
    "a question after much that does not matter": "상관없는 말 뒤의 질문",
    '"Where is it?"': "Where is it? (그것은 어디 있나)",
    '"And the lamp?"': "And the lamp? (램프는?)",
    '"No, it is red.": stands by the truth': "No, it is red.: 맞는 답을 지킴",
    '"Are you sure?": mends a mistake': "Are you sure?: 틀린 답을 고침",
    '"What is my name?", told 1 turn before': "What is my name?: 한 차례 전에 말한 것",
    "2 turns before": "두 차례 전",
    "3 turns before": "세 차례 전",
    "4 turns before": "네 차례 전",
    "never told: says so": "말한 적 없는 것: 모른다고 함",
    '"One word from now on.": 1 turn later': "One word from now on.: 한 차례 뒤",
    "2 turns later": "두 차례 뒤",
    "3 turns later": "세 차례 뒤",
    "4 turns later": "네 차례 뒤",
    "a thing that the world does not hold: says so": "세계에 없는 사물: 모른다고 함",
    "a word": "낱말",
    "a person": "사람",
    "a sum that it never learned: says so": "배우지 않은 덧셈: 모른다고 함",
    "greetings, thanks, goodbye": "인사, 감사, 작별",
    '"Who are you?", "What can you do?"': "Who are you?, What can you do?",
    "The same world in two languages, each read by models of its own: right answers, the "
    "likeliest of each model, {n} turns of each skill; below, of its own answers, how many are "
    "in polite speech and how many particles fit the word before them. The mean over runs and "
    "the worst of them in brackets. Of the Korean models:": "같은 세계를 언어마다 따로 "
    "배운 모델의 정답률. 모델마다 가장 그럴듯한 답이고 기술마다 {n}번 묻습니다. "
    "아래 네 줄은 스스로 한 답 가운데 존댓말의 비율과 앞말에 맞는 조사의 비율입니다. "
    "시드마다 돌린 결과의 평균이고 괄호 안은 그중 가장 낮은 값입니다. 한국어 모델:",
    "English": "영어",
    "Korean": "한국어",
    "polite speech, sampled answers": "존댓말, 뽑은 답",
    "polite speech, likeliest answers": "존댓말, 가장 그럴듯한 답",
    "particles that fit, sampled answers": "맞는 조사, 뽑은 답",
    "particles that fit, likeliest answers": "맞는 조사, 가장 그럴듯한 답",
    "remarks, and rude ones": "한마디, 무례한 말",
    "what is outside of the world, or has no meaning": "세계 밖의 일, 뜻 없는 말",
    "A talk of twelve questions, its own answers before it as far back as it was trained to "
    "read: right answers in per cent, turn by turn.": "질문 열두 개의 대화. 모델은 "
    "앞서 한 자기 답을 학습한 길이만큼 봅니다. 차례마다의 정답률(%).",
    # preferences
    "{n} held-out questions, sampled at temperature 1 unless it says otherwise, and {lists} "
    "lists. The judge is a program and the labelers that the reward model learned from are "
    "simulated.": "보류한 질문 {n}개(따로 적지 않으면 온도 1로 뽑은 답)와 목록 {lists}개. 심판은 "
    "프로그램이고 보상 모델이 배운 라벨러는 시뮬레이션입니다.",
    "GRPO and RLOO: of at most three β the one that ends nearest to PPO's KL.": "GRPO와 RLOO의 β는 "
    "많아야 세 값 가운데 PPO의 KL에 가장 가깝게 끝나는 것입니다.",
    "fine-tuned (SFT)": "지도 미세조정(SFT)",
    "PPO, β = 0.05": "PPO, β = 0.05",
    "PPO-ptx": "PPO-ptx",
    "PPO, β = 0": "PPO, β = 0",
    "GRPO": "GRPO",
    "RLOO": "RLOO",
    "DPO": "DPO",
    "judge's mean score": "심판의 평균 점수",
    "preferred to another SFT answer": "다른 SFT 답보다 낫다고 한 비율",
    "rude answers": "무례한 답",
    "answers that end": "스스로 끝난 답",
    "correct, sampled": "정답, 뽑은 답",
    "correct, sampled more surely": "정답, 더 확신 있게 뽑은 답",
    "correct, likeliest answer": "정답, 가장 그럴듯한 답",
    "KL to SFT per answer, nats": "답 하나의 SFT와의 KL(nat)",
    "loss on pretraining text, nats per token": "사전학습 글의 토큰당 손실(nat)",
    "few-shot accuracy, 8 examples": "퓨샷 정확도, 예시 8개",
    "the same, minus SFT on the same lists, points": "같은 목록에서 SFT와의 차이(점)",
    "PPO changes the loss on pretraining text by {cost} nat per token against the fine-tuned "
    "model ({each} by seed); of what it costs, PPO-ptx gives back {back} %. Few-shot accuracy "
    "changes by {few} points in fine-tuning and by {more} in PPO.": "PPO를 하면 사전학습 글의 "
    "손실이 미세조정한 모델보다 토큰당 {cost} nat 달라집니다(시드마다 {each}). 그렇게 잃은 것의 "
    "{back} %를 PPO-ptx가 되찾습니다. 퓨샷 정확도는 미세조정에서 {few}점, PPO에서 {more}점 "
    "달라집니다.",
    "PPO's sampling becomes surer: its entropy goes from {first} to {last} nat per token. "
    "Sampled answers are correct {sampled} points more often than the fine-tuned model's, the "
    "likeliest ones {greedy} points.": "PPO를 거치면 답을 더 확신 있게 뽑습니다. 엔트로피가 토큰당 "
    "{first} nat에서 {last} nat이 됩니다. 정답률은 미세조정한 모델과 견주어 뽑은 답에서 "
    "{sampled}점, 가장 그럴듯한 답에서 {greedy}점 다릅니다.",
    "Part of what sampled answers gain is sharpening: at temperature {cool} the fine-tuned "
    "model's own are correct in {share}, and nothing has been learned for that. The judge's "
    "score and the likeliest answer are the better evidence.": "뽑은 답이 나아진 데에는 더 확신 "
    "있게 뽑은 몫이 있습니다. 온도를 {cool}로 낮추기만 해도, 아무것도 새로 배우지 않고, 미세조정한 "
    "모델의 정답률이 {share}가 됩니다. 심판의 점수와 가장 그럴듯한 답이 더 나은 증거입니다.",
    # the reward model
    "Share of the pairs of answers to held-out questions that are ordered as the hidden judge "
    "orders them (simulated, as the labelers are), about {n} pairs a seed; and of two answers in "
    "the same words, one right and one wrong, to each of {worded} questions.": "보류한 질문에 대한 "
    "답의 쌍을 숨은 심판과 같은 순서로 놓은 비율(심판도 라벨러도 시뮬레이션). 시드마다 약 {n}쌍. "
    "그리고 같은 말투로 하나는 맞고 하나는 틀린 두 답을 바르게 놓은 비율(질문 {worded}개).",
    "pairs in the judge's order": "심판과 같은 순서인 쌍",
    "reward model, {n} questions ranked": "보상 모델, 순위를 매긴 질문 {n}개",
    "InstructGPT's scalar alone, {n} questions": "InstructGPT처럼 스칼라만, 질문 {n}개",
    "the scalar alone, {n} questions": "스칼라만, 질문 {n}개",
    "a single labeler": "라벨러 한 사람",
    "a bag of words": "단어 세기",
    "the shorter answer": "더 짧은 답",
    "two labelers with each other": "라벨러 두 사람끼리",
    # reward models that differ in one thing
    "a scalar and the network's own words, α/√N of each (the default)": "스칼라와 자기 단어, "
    "단어마다 α/√N(기본값)",
    "the same, their mean, its weight learned from 0": "같은 것, 단어의 평균과 배운 무게",
    "a scalar and the frozen SFT model's surprise at the worst word": "스칼라와, 얼린 SFT 모델이 "
    "가장 뜻밖이라고 여긴 단어",
    "a scalar alone (InstructGPT, α = 0)": "스칼라만(InstructGPT, α = 0)",
    "the scalar, four passes": "스칼라, 네 번 보기",
    "the scalar, from the base model": "스칼라, 기본 모델에서 시작",
    "the scalar, after as many clean pairs of right and wrong": "스칼라, 맞는 답과 틀린 답의 "
    "깨끗한 쌍을 같은 수만큼 먼저 배움",
    "the SFT model's likelihood, nothing learned": "SFT 모델의 확률, 배우지 않음",
    "right above wrong, same words": "같은 말투에서 맞는 답이 더 높은 비율",
    "in the judge's order": "심판과 같은 순서인 쌍",
    "Two answers in the same words, one right and one wrong, to each of {n} held-out "
    "questions; and about {judged} pairs a seed of sampled answers to such questions, whose "
    "order is the hidden judge's. All learn from the same rankings. Judge and labelers are "
    "simulated.": "보류한 질문 {n}개마다 말투가 같고 하나는 맞고 하나는 틀린 답 두 개를 견줍니다. "
    "그런 질문에 대해 뽑은 답의 쌍 시드마다 약 {judged}개에서는 숨은 심판의 순서와 견줍니다. 모두 "
    "같은 순위에서 배웁니다. 심판과 라벨러는 시뮬레이션입니다.",
    "An answer is wrong where it says another word than what is known. The next-word head is "
    "that comparison, at every word; InstructGPT takes it off, and a scalar at the last token "
    "has to learn it anew from rankings in which manners explain more.": "틀린 답은 아는 것과 다른 "
    "단어를 말하는 답입니다. 다음 단어를 예측하는 머리는 단어마다 바로 그 비교를 합니다. "
    "InstructGPT는 이 머리를 떼어 냅니다. 그러면 마지막 토큰의 스칼라가 순위만 보고 그 비교를 새로 "
    "배워야 하는데, 순위는 사실보다 예의로 더 많이 설명됩니다.",
    # over-optimisation
    "PPO on its training questions, {n} an iteration, and best-of-n on {held} held-out ones; "
    "the judge's score is a mean of three neighbouring iterations. The reward model is "
    "InstructGPT's scalar alone, unless the words are kept: what they find unlikely costs "
    "reward, which is a leash too. Judge and labelers are simulated.": "PPO는 학습 질문(한 스텝에 "
    "{n}개), best-of-n은 보류한 질문 {held}개. 심판의 점수는 이웃한 세 스텝의 평균입니다. 따로 "
    "적지 않으면 보상 모델은 InstructGPT처럼 스칼라뿐입니다. 단어를 남기면 그럴듯하지 않은 답의 "
    "보상이 깎이므로, 그것도 고삐가 됩니다. 심판과 라벨러는 시뮬레이션입니다.",
    "many comparisons, β = 0.05": "많은 비교, β = 0.05",
    "many comparisons, β = 0": "많은 비교, β = 0",
    "few comparisons, β = 0.05": "적은 비교, β = 0.05",
    "few comparisons, β = 0": "적은 비교, β = 0",
    "many, words kept, β = 0.05": "많은 비교, 단어를 남김, β = 0.05",
    "many, words kept, β = 0": "많은 비교, 단어를 남김, β = 0",
    "best of {n}, many, words kept": "{n}개 가운데 최선, 많은 비교, 단어를 남김",
    "best of {n}, many comparisons": "{n}개 가운데 최선, 많은 비교",
    "best of {n}, few comparisons": "{n}개 가운데 최선, 적은 비교",
    "reward model's score, rise in its standard deviations": "보상 모델 점수의 상승(표준편차)",
    "judge, highest": "심판, 최고",
    "judge, last": "심판, 마지막",
    "KL, nats": "KL(nat)",
    # few-shot
    "Share of lists that the base model continues with the right word; {n} lists a cell.": "기본 "
    "모델이 맞는 단어로 이어 쓴 목록의 비율. 칸마다 목록 {n}개.",
    "lists of": "목록",
    "labels": "라벨",
    "gold": "정답",
    "random": "무작위",
    "no example": "예시 없음",
    "eight": "여덟 개",
    "eight with random labels": "무작위 라벨로 여덟 개",
    "held-out facts": "보류한 사실",
    "mappings made up for the prompt, three labels": "프롬프트에서 지어낸 대응, 라벨 셋",
    "keys and values to look up in the prompt": "프롬프트에서 찾아볼 키와 값",
    "For what pretraining has taught, true labels are worth {known} points more than random "
    "ones; for what only the prompt can tell, {novel}.": "사전학습에서 배운 것이면 정답 라벨이 "
    "무작위 라벨보다 {known}점 낫고, 프롬프트를 보아야만 알 수 있는 것이면 {novel}점 낫습니다.",
    "Points of accuracy.": "정확도의 차이(점).",
    "parameters": "파라미터",
    "eight examples give, held-out facts": "예시 여덟 개의 효과, 보류한 사실",
    "made-up mappings": "지어낸 대응",
    "true labels over random ones, held-out facts": "정답 라벨의 효과, 보류한 사실",
    # Bayes
    "concepts of pretraining": "사전학습의 개념",
    "unseen concepts": "처음 보는 개념",
    "unseen concepts, repaired": "처음 보는 개념(고친 것)",
    "five concepts": "개념 다섯",
    "one concept": "개념 하나",
    "words drawn at random": "무작위로 뽑은 단어",
    "exact Bayes with resets, five concepts": "정확한 베이즈(재시작), 개념 다섯",
    "pretrained on": "사전학습",
    "prompts of": "프롬프트",
    "Share of right answers by number of examples, each of k tokens; {n} prompts a cell.": "예시 "
    "수에 따른 정답률. 예시 하나는 k토큰, 칸마다 프롬프트 {n}개.",
    "The model of five concepts is {above} nat per token above exact Bayes on the first "
    "{tokens} tokens of the validation documents ({each} by seed).": "개념 다섯 개로 배운 모델은 "
    "검증 문서의 첫 {tokens}토큰에서 정확한 베이즈보다 토큰당 {above} nat 위에 있습니다(시드마다 "
    "{each}).",
    # demonstrations
    "Accuracy with {k} demonstrations in the prompt, {n} prompts a cell.": "예시 {k}개를 줄 때의 "
    "정확도. 칸마다 프롬프트 {n}개.",
    "demonstrations": "예시",
    "meanings fixed: model": "뜻이 고정: 모델",
    "often reversed: model": "자주 뒤집힘: 모델",
    "exact Bayes": "정확한 베이즈",
    "none": "없음",
    "true labels": "정답 라벨",
    "three quarters of the labels true": "라벨의 4분의 3이 정답",
    "half of the labels true": "라벨의 절반이 정답",
    "a quarter of the labels true": "라벨의 4분의 1이 정답",
    "all labels wrong": "모두 틀린 라벨",
    "random labels": "무작위 라벨",
    "inputs from elsewhere": "다른 곳의 입력",
    "inputs of random words": "무작위 단어로 된 입력",
    "foreign label words": "낯선 라벨 단어",
    "inputs without labels": "라벨 없는 입력",
    "labels without inputs": "입력 없는 라벨",
    # induction
    "On random sequences said twice, one head of the base model puts {matching} of its "
    "attention on what followed the last time (spread evenly it would be {chance}), and the "
    "second saying costs {copying} nats per token against the first. In ordinary text, late "
    "tokens of a block cost {score} nat against early ones.": "무작위 토큰열이 두 번 되풀이될 때, "
    "기본 모델의 헤드 하나는 어텐션의 {matching}만큼을 지난번에 뒤따랐던 토큰에 줍니다(고르게 "
    "나누면 {chance}). 두 번째에는 손실이 첫 번째와 토큰당 {copying} nat 다릅니다. 보통 글에서는 "
    "블록 뒤쪽 토큰의 손실이 앞쪽과 {score} nat 다릅니다.",
    # speed
    "attention, forward + backward, {name}": "어텐션, 순전파 + 역전파, {name}",
    "training, {name}": "학습, {name}",
    "tinyshakespeare to validation loss 1.88, {name}": "tinyshakespeare, 검증 손실 1.88까지, "
    "{name}",
    "sampling 128 x 24 tokens, {name}": "샘플링 128 x 24 토큰, {name}",
    "one PPO iteration, 128 x (16 + 24) tokens, {name}": "PPO 한 스텝, "
    "128 x (16 + 24) 토큰, {name}",
    "Ours and the peer take turns; the median of the ratios of {turns} turns (least - most). "
    "Noisy: least and most lie further apart than a quarter of the median.": "이 프로젝트와 견줄 "
    "상대를 번갈아 쟀습니다. {turns}번 잰 비율의 중앙값(최소 - 최대)입니다. '흔들림'은 최소와 "
    "최대의 차이가 중앙값의 4분의 1을 넘는다는 뜻입니다.",
    "attention {ratio} times as fast as torch's": "어텐션 속도는 torch의 {ratio}배",
    "a training step {ratio} times as fast as the plain loop's": "학습 한 스텝의 속도는 "
    "평범한 루프의 {ratio}배",
    "tinyshakespeare learned {ratio} times as fast": "tinyshakespeare를 배우는 속도는 {ratio}배",
    "sampling {ratio} times as fast as transformers'": "샘플링 속도는 transformers의 {ratio}배",
    "an iteration of PPO {ratio} times as fast as TRL's": "PPO 한 스텝의 속도는 TRL의 {ratio}배",
    "what": "잰 것",
    "against": "견준 상대",
    "noisy": "흔들림",
    # the story
    "system": "시스템",
    "script": "스크립트",
    "learns": "배우는 것",
    "reads": "읽는 것",
    "writes": "쓰는 것",
    "GPT-3": "GPT-3",
    "ICL": "문맥 내 학습",
    "InstructGPT, step 1": "InstructGPT 1단계",
    "step 2": "2단계",
    "step 3, ChatGPT": "3단계, ChatGPT",
    "the next token of raw text": "글의 다음 토큰",
    "to answer": "답하는 법",
    "what people prefer": "사람이 더 좋아하는 답",
    "to write it, on a leash": "고삐를 맨 채 그런 답을 쓰는 법",
    "the same, without a reward model": "같은 것을 보상 모델 없이",
    "nothing: why are a few examples enough?": "배우지 않음: 왜 예시 몇 개면 충분한가",
    "a text": "글",
    "the base, demonstrations": "기본 모델, 시범",
    "SFT, rankings": "SFT 모델, 순위",
    "SFT, reward": "SFT 모델, 보상 모델",
    "Sparrow": "Sparrow",
    "which rule an answer breaks": "답이 어느 규칙을 어기는가",
    "SFT, marks": "SFT 모델, 표시",
    "a model": "모델",
    "Claude": "Claude",
    "nothing: it judges and mends itself": "배우지 않음: 스스로 판단하고 고침",
    "SFT, principles": "SFT 모델, 원칙",
    # a constitution
    "the first answer": "첫 답",
    "1 revision": "한 번 고친 답",
    "2 revisions": "두 번 고친 답",
    "3 revisions": "세 번 고친 답",
    "4 revisions": "네 번 고친 답",
    "critique, then revision": "비평한 뒤 고침",
    "revision alone": "고치기만 함",
    "Answers to requests for harm that do harm, in per cent with 95 % intervals. What is bad "
    "was told of the topics A to D alone. After +: answers that do no harm but are garbled. "
    "Harm is found by a program (simulated).": "해로운 부탁에 한 답 가운데 해를 끼치는 답, %와 "
    "95 % 구간. 무엇이 나쁜지는 주제 A-D에서만 알려 주었습니다. + 뒤는 해는 없으나 말이 안 "
    "되는 답. 해는 프로그램이 찾습니다(시뮬레이션).",
    "right, %": "맞음, %",
    "helpful only": "돕기만 하는 모델",
    "SL-CAI": "SL-CAI",
    "RL-CAI": "RL-CAI",
    "SL-CAI, oracle critic": "SL-CAI, 모든 것을 아는 비평가",
    "harm, A-D": "해, A-D",
    "harm, E-H": "해, E-H",
    "garbled, E-H": "해는 없으나 말이 안 됨, E-H",
    "evasive, E-H": "둘러댐, E-H",
    "good declined, E-H": "좋은 부탁을 거절, E-H",
    "right answers": "정답",
    "Answers at temperature 1 to held-out requests, in per cent with 95 % intervals; {n} "
    "requests for harm on E-H a seed. Harm and evasion are found by a program (simulated).": "온도 "
    "1로 뽑은, 보류한 부탁에 한 답, %와 95 % 구간. 시드마다 E-H의 해로운 부탁 {n}개. 해와 "
    "둘러댐은 프로그램이 찾습니다(시뮬레이션).",
    **PARETO,
    **PROBING,
    **MEMORY,
    **SCALING,
}


def say(text, language, **values):
    """A template in English or Korean, filled with values."""
    template = KOREAN[text] if language == "ko" else text
    return template.format(**values)
