"""What stands in the pictures of the documents, in Korean: titles, axes, legends, findings, notes,
and what a screen reader says.

As in lab/words_figures.py, whose entries count here too: the English text is the key, with {} for a
number, a name or another text. Of two entries that fit a text the first counts, so the longer
stands first.
"""

from lab.words_figures import DRAWN, speaker

PICTURES = {
    # what several say
    "of an earlier text of the world": "이전 텍스트의 수치",
    "one seed ({})": "시드 하나({})",
    "{} seeds ({})": "시드 {}개({})",
    "held-out facts": "보류한 사실",
    # from text to ChatGPT
    "From text to ChatGPT": "글에서 ChatGPT까지",
    "text": "글",
    "demonstrations": "시범",
    "K answers": "답 K개",
    "labelers": "라벨러",
    "simulated,": "시뮬레이션",
    "or you": "또는 여러분",
    "fine-tuned": "미세조정한 모델",
    "why a few examples are enough:": "왜 예시 몇 개면 충분한가:",
    "Xie et al. 2021, Min et al. 2022": "Xie 등 2021, Min 등 2022",
    "the short cut: no reward model": "지름길: 보상 모델 없이",
    "Claude: principles, not people": "Claude: 사람 대신 원칙",
    "shaded: models, blue: scripts": "회색: 모델, 파랑: 스크립트",
    "pretrain.py makes the base model (GPT-3) of text; sft.py makes SFT of it and of "
    "demonstrations.": "pretrain.py가 글로 기본 모델(GPT-3)을 만들고, sft.py가 기본 모델과 "
    "시범으로 SFT 모델을 만듭니다.",
    "SFT writes K answers to a question, labelers (simulated, or you) rank them, and reward.py "
    "makes the reward model of their rankings.": "SFT 모델이 질문 하나에 답 K개를 쓰면 "
    "라벨러(시뮬레이션 또는 여러분)가 순위를 매기고, reward.py가 그 순위로 보상 모델을 만듭니다.",
    "ppo.py makes PPO (InstructGPT, ChatGPT) of SFT and the reward model; dpo.py is the short cut "
    "from SFT and the rankings, without a reward model.": "ppo.py가 SFT 모델과 보상 모델로 "
    "PPO(InstructGPT, ChatGPT)를 만듭니다. dpo.py는 보상 모델 없이 SFT 모델과 순위에서 바로 가는 "
    "지름길입니다.",
    "icl_eval.py asks of the base model why a few examples are enough (Xie et al. 2021, Min et al. "
    "2022).": "icl_eval.py는 기본 모델에게 왜 예시 몇 개면 충분한지 묻습니다(Xie 등 2021, Min 등 "
    "2022).",
    "rules.py adds Sparrow's rules to PPO; constitution.py puts Claude's principles in the "
    "labelers' place.": "rules.py는 PPO에 Sparrow의 규칙을 더하고, constitution.py는 라벨러 자리에 "
    "Claude의 원칙을 놓습니다.",
    # preferences
    "Tuning from preferences, judged (simulated)": "선호로 배운 모델과 심판의 판정(시뮬레이션)",
    "PPO without leash": "고삐 풀린 PPO",
    "judge's mean score (simulated)": "심판의 평균 점수(시뮬레이션)",
    "rude answers (simulated)": "무례한 답(시뮬레이션)",
    "loss on pretraining text, nats": "사전학습 글의 손실(nat)",
    "Judge's score minus SFT's: PPO {}, without leash {}, DPO {}.": "심판의 점수, SFT와의 차이: "
    "PPO {}, 고삐 풀린 PPO {}, DPO {}.",
    "{} held-out questions, {}. Dot and bar: mean and 95 % interval over seeds; specks: the "
    "seeds.": "보류한 질문 {}개, {}. 점과 막대: 시드의 평균과 95 % 구간. 작은 점: 시드 하나하나.",
    "The leash is what PPO pays for KL to SFT: β = 0.05 a nat; without it β = 0.": "고삐는 PPO가 "
    "SFT와의 KL에 따라 받는 벌점입니다. KL 벌점 계수 β = 0.05이고, 풀면 β = 0입니다.",
    "{}: judge's score {}, rude answers {}, loss {} nats.": "{}: 심판의 점수 {}, 무례한 답 {}, "
    "손실 {} nat.",
    # over-optimisation
    "Over-optimisation: the reward model and the judge (simulated)": "과최적화: 보상 모델과 "
    "심판(시뮬레이션)",
    "leash on (β = 0.05)": "고삐를 맴(β = 0.05)",
    "leash off (β = 0)": "고삐를 풂(β = 0)",
    "one line a seed, a dot where it ends": "선 하나가 시드 하나, 점은 끝난 곳",
    "a scalar, {} questions ranked": "스칼라만, 순위를 매긴 질문 {}개",
    "reward model's score, in its standard deviations": "보상 모델의 점수(표준편차)",
    "judge's score (simulated)": "심판의 점수(시뮬레이션)",
    "ends {} below its highest": "최고보다 {} 낮게 끝남",
    "√KL from SFT (KL in nats an answer)": "SFT와의 √KL(KL은 답당 nat)",
    "{}: the judge's score ends {} below its highest with the leash and {} without it.": "{}: "
    "심판의 점수가 고삐를 매면 최고보다 {}, 풀면 {} 낮게 끝납니다.",
    "{} training questions an iteration, three iterations averaged; {}.": "반복마다 학습 질문 "
    "{}개, 세 반복의 평균, {}.",
    "±: 95 % interval over seeds.": "±: 시드의 95 % 구간.",
    # a few examples
    "A few examples in the prompt, no weight changed": "프롬프트의 예시 몇 개, 가중치는 그대로",
    "made-up mappings": "지어낸 대응",
    "keys and values to look up": "찾아볼 키와 값",
    "{}, {} labels: {}.": "{}, {} 라벨: {}.",
    "with {} right in {}": "예시 {}개에 {}",
    "Share of lists that the base model continues with the right word.": "기본 모델이 맞는 단어로 "
    "이어 쓴 목록의 비율입니다.",
    "{} lists a point, {}; bars: 95 % interval over seeds.": "점마다 목록 {}개, {}. 막대: 시드의 "
    "95 % 구간.",
    # rules
    "Rules kept, and right answers": "규칙 지키기와 맞은 답",
    "right answers to held-out questions (simulated judge)": "보류한 질문의 정답률(시뮬레이션 "
    "심판)",
    "answers that break a rule, under attacks never trained on (simulated)": "배운 적 없는 공격에 "
    "규칙을 어긴 답(시뮬레이션)",
    "{} attacks a seed, {} seeds pooled; lines: 95 % intervals": "시드마다 공격 {}번, 시드 {}개를 "
    "합침. 선: 95 % 구간",
    "Share of answers under attack that break a rule, and of right answers otherwise.": "공격에 "
    "규칙을 어긴 답의 비율과 다른 질문의 정답률입니다.",
    "{}: {} % and {} %.": "{}: {} %와 {} %.",
    # help against harm
    "Learned alone, each kind reverses the other; both can be learned": "하나만 배우면 다른 하나를 "
    "거꾸로 놓지만, 둘 다 배울 수 있습니다",
    "Learned alone, each kind reverses the other": "하나만 배우면 다른 하나를 거꾸로 놓습니다",
    "Learned alone, help reverses harmlessness": "도움만 배우면 무해의 순서를 거꾸로 놓습니다",
    "Learned alone, harmlessness reverses help": "무해만 배우면 도움의 순서를 거꾸로 놓습니다",
    "Help and harmlessness: which pairs each reward model orders rightly": "도움과 무해: 보상 "
    "모델마다 순서를 맞힌 쌍",
    "Learned together, they keep {} of the help and {} of the harmlessness.": "둘 다 배우면 "
    "도움만 배워 맞히는 것의 {}, 무해만 배워 맞히는 것의 {}를 지킵니다.",
    "has learned such comparisons": "그런 비교를 배움",
    "has not": "배우지 않음",
    "learned from": "배운 것",
    "helpful comparisons": "도움 비교",
    "harmless comparisons": "무해 비교",
    "both": "둘 다",
    "helpful pairs in the right order": "순서가 맞은 도움 쌍",
    "harmless pairs in the right order": "순서가 맞은 무해 쌍",
    "dashed: by chance": "점선: 우연",
    "{}: helpful pairs {}, harmless pairs {}.": "{}: 도움 쌍 {}, 무해 쌍 {}.",
    "Held-out pairs: {} helpful and {} harmless; {}. Right: by a program's verdict (simulated).": ""
    "보류한 쌍: 도움 {}, 무해 {}, {}. 순서는 프로그램의 판정을 따릅니다(시뮬레이션).",
    "Held-out pairs: {} helpful and {} harmless; {}. Right: by their labels.": "보류한 쌍: 도움 "
    "{}, 무해 {}, {}. 순서는 라벨을 따릅니다.",
    "Dot and bar: mean and 95 % interval over seeds; specks: the seeds.": "점과 막대: 시드의 "
    "평균과 95 % 구간. 작은 점: 시드 하나하나.",
    "Bar: 95 % interval as if pairs were independent.": "막대: 쌍이 서로 독립이라고 본 95 % 구간.",
    # harm by round
    "Revised answers do less harm, on topics never told of as well": "고친 답은 알려 준 적 없는 "
    "주제에서도 해를 덜 끼칩니다",
    "Revised answers do less harm, on the told topics alone": "고친 답은 알려 준 주제에서만 해를 "
    "덜 끼칩니다",
    "Revised answers do less harm, on topics never told of alone": "고친 답은 알려 준 적 없는 "
    "주제에서만 해를 덜 끼칩니다",
    "Harm by round of revision": "고친 횟수에 따른 해",
    "On {}: {}, and {}.": "{}: {}, {}.",
    "On {}: {}.": "{}: {}.",
    "more harm is left with a critique than without": "비평을 하면 하지 않을 때보다 남는 해가 많음",
    "less harm is left with a critique than without": "비평을 하면 하지 않을 때보다 남는 해가 적음",
    "a critique makes no clear difference to the harm that is left": "비평을 하든 안 하든 남는 "
    "해의 차이가 뚜렷하지 않음",
    "more answers are garbled than at first": "말이 안 되는 답은 처음보다 많음",
    "fewer answers are garbled than at first": "말이 안 되는 답은 처음보다 적음",
    "Harm, {}: {} at first; after {}: {} with a critique, {} without.": "해, {}: 처음 {}, {} "
    "비평하면 {}, 고치기만 하면 {}.",
    "No harm but garbled, {}: {} at first; after {}: {} with a critique, {} without.": "해는 "
    "없으나 말이 안 됨, {}: 처음 {}, {} 비평하면 {}, 고치기만 하면 {}.",
    "one revision": "한 번 고친 뒤",
    "{} revisions": "{}번 고친 뒤",
    "critique, then revision": "비평한 뒤 고침",
    "revision alone": "고치기만 함",
    "topics {}: told what is bad": "주제 {}: 무엇이 나쁜지 알려 줌",
    "topics {}: never told": "주제 {}: 알려 준 적 없음",
    "answers that do harm": "해를 끼치는 답",
    "answers that do no harm but are garbled": "해는 없으나 말이 안 되는 답",
    "revisions": "고친 횟수",
    "Requests for harm: {} with a critique, {} without; {}.": "해로운 부탁: 비평한 뒤 고침 {}개, "
    "고치기만 함 {}개, {}.",
    "Bars: 95 % intervals. What does harm a program says (simulated).": "막대: 95 % 구간. 무엇이 "
    "해로운지는 프로그램이 판정합니다(시뮬레이션).",
    # help against harmlessness
    "Helpful and harmless: labels of people, labels by a constitution": "도움과 무해: 사람의 "
    "라벨과 헌법의 라벨",
    "harmless, Elo points above the model that only helps (simulated judge)": "무해, 돕기만 하는 "
    "모델보다 높은 Elo 점수(시뮬레이션 심판)",
    "help, Elo points (simulated judge)": "도움, Elo 점수(시뮬레이션 심판)",
    "RL-CAI is above every mixture of the HH models and of the one that they start from,": ""
    "RL-CAI는 HH 모델과 그 출발 모델을 어떻게 섞은 것보다도 위에 있습니다.",
    "RL-CAI is below a mixture of the HH models and of the one that they start from,": "RL-CAI는 "
    "HH 모델과 그 출발 모델을 섞은 것 가운데 하나보다 아래에 있습니다.",
    "RL-CAI is neither clearly above nor clearly below the mixtures of the HH models,": "RL-CAI가 "
    "HH 모델을 섞은 것보다 위인지 아래인지 뚜렷하지 않습니다.",
    "by {} points; by seed {}.": "차이는 {}점, 시드별로 {}.",
    "{} questions and {} requests for harm, all pairs compared; {} seeds together, specks: "
    "each.": "질문 {}개와 해로운 부탁 {}개, 모든 쌍을 비교. 시드 {}개를 합침, 작은 점: 시드 "
    "하나하나.",
    "{} questions and {} requests for harm, all pairs compared; one seed together, specks: "
    "each.": "질문 {}개와 해로운 부탁 {}개, 모든 쌍을 비교. 시드 하나, 작은 점: 그 시드.",
    "Lines: 95 % intervals by prompt. HH: people's labels (simulated), harm at λ times help.": ""
    "선: 질문을 다시 뽑은 95 % 구간. HH: 사람의 라벨(시뮬레이션), 해로움의 무게는 도움의 λ배.",
    "{}: help {}, harmless {}.": "{}: 도움 {}, 무해 {}.",
    # size and text
    "Loss and few-shot accuracy by compute and size": "계산량과 크기에 따른 손실과 퓨샷 정확도",
    "blue: the best with so much compute, and the law through it; orange: what the law": "파랑: 그 "
    "계산량으로 가장 좋은 실행과 그것을 지나는 법칙. 주황: 법칙이 예측하는",
    "predicts of a larger model, with its 95 % interval; black: what that reaches": "더 큰 모델의 "
    "손실과 95 % 구간. 검정: 그 모델이 실제로 낸 손실",
    "predicts of a larger model, with its 95 % interval": "더 큰 모델의 손실과 95 % 구간",
    "loss, nats per token": "손실, 토큰당 nat",
    "few-shot lists right": "맞힌 퓨샷 목록",
    "compute of a training, FLOPs (number: depth)": "학습 한 번의 계산량, FLOPs (숫자: 깊이)",
    "parameters (n = {} lists)": "파라미터 수 (목록 {}개)",
    "Envelope of {} runs: {}, exponent's 95 % interval [{}, {}].": "가장 좋은 실행 {}개를 지나는 "
    "법칙: {}, 지수의 95 % 구간 [{}, {}].",
    "At {} FLOPs, depth {}, it predicts {} nats per token.": "{} FLOPs, 깊이 {}에서는 토큰당 {} "
    "nat을 예측합니다.",
    "That model reaches {}, within the interval.": "그 모델이 실제로 낸 손실은 {}(구간 안)입니다.",
    "That model reaches {}, outside of the interval.": "그 모델이 실제로 낸 손실은 {}(구간 "
    "밖)입니다.",
}

korean = speaker({**PICTURES, **DRAWN})
