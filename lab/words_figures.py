"""What stands inside the report's figures, in Korean: axes, legends, rows, titles over panels.

Figures are drawn in English; `korean` says each of their texts. The English text is the key, with
{} for a number, a name or another text of this table. What has no entry is a name and stays: PPO,
KL, λ = 4, a run of the reader's own. Korean texts are hardly wider than the English ones, whose
place they take.
"""

import re

from lab.words_probing import RULES

DRAWN = {
    # models and methods
    "base": "기본 모델",
    "PPO, no price on KL": "KL 벌점 없는 PPO",
    "PPO without ptx": "ptx 없는 PPO",
    "best of n answers": "답 n개 가운데 최고",
    "SFT, dialogue prompt": "SFT, 대화 예시",
    "SFT, best by preference": "SFT, 선호로 고름",
    "SFT, best by both": "SFT, 둘 다로 고름",
    "RL, preference": "RL, 선호",
    "RL, rules": "RL, 규칙",
    "RL, both": "RL, 둘 다",
    "RL, both, best by both": "RL과 고르기, 둘 다로",
    "helpful only": "돕기만",
    "model": "모델",
    "reward model": "보상 모델",
    "one labeler": "라벨러 한 사람",
    "bag of words": "단어 세기",
    "length only": "길이만",
    "{}M parameters": "파라미터 {}M",
    # axes
    "optimizer step": "학습 스텝",
    "pretraining step": "사전학습 스텝",
    "PPO iteration": "PPO 반복",
    "tokens": "토큰",
    "nats": "nat",
    "nats per token": "토큰당 nat",
    "loss (nats per {})": "손실({}당 nat)",
    "loss (nats per token; lower is better)": "손실(토큰당 nat, 낮을수록 좋음)",
    "score (higher is better)": "점수(높을수록 좋음)",
    "token": "토큰",
    "comparison": "비교",
    "right (%)": "정답률(%)",
    "right (%, 95% interval)": "정답률(%, 95% 구간)",
    "right (%, 95% interval over {})": "정답률(%, {} 95% 구간)",
    "seeds": "시드 간",
    "prompts": "프롬프트 간",
    "right option (%, 95% interval)": "맞는 선택지(%, 95% 구간)",
    "answered correctly (%, 95% interval)": "정답률(%, 95% 구간)",
    "examples in the prompt": "프롬프트의 예시 수",
    "pairs in the right order (%)": "순서가 맞은 쌍(%)",
    "confidence in the order (%)": "순서에 대한 확신(%)",
    "held-out labels agree (%)": "보류한 라벨과 일치(%)",
    "reward model's score": "보상 모델의 점수",
    "judge's score": "심판의 점수",
    "KL (nats per answer)": "KL(답당 nat)",
    "√KL to SFT (√nat an answer)": "SFT와의 √KL(답당 √nat)",
    "posterior on the true concept": "참 개념의 사후확률",
    "position in the document (tokens)": "문서 안의 위치(토큰)",
    "attention (0 to 1)": "어텐션(0-1)",
    "help (Elo points)": "도움(Elo 점수)",
    "harmlessness (Elo points)": "무해(Elo 점수)",
    "answers under attack that break a rule (%; fewer is better)": (
        "공격에 규칙을 어긴 답(%, 적을수록 좋음)"
    ),
    "right answers to other questions (%)": "다른 질문의 정답률(%)",
    "AUC: broken above kept (0.5 is chance)": "AUC: 어긴 대화가 위(우연은 0.5)",
    "questions (%, ties count half; 95% interval, a point for each seed)": (
        "질문(%, 비김은 반, 95% 구간, 점은 시드 하나)"
    ),
    "ratio (above 1: ours is faster; median, least and most of the turns)": (
        "비율(1보다 크면 이쪽이 빠름, 중앙값과 최소, 최대)"
    ),
    # training
    "Pretraining": "사전학습",
    "Fine-tuning (SFT)": "미세조정(SFT)",
    "Reward model": "보상 모델",
    "training batch": "학습 배치",
    "validation": "검증",
    "no preference, ln 2": "선호 없음, ln 2",
    "Held-out questions": "보류한 질문",
    "{} {}-shot {}": "{}, 예시 {}, {}",
    "test": "질문",
    "paraphrase": "새 말투",
    "talk": "대화",
    "sampled": "뽑은 답",
    "greedy": "그럴듯한 답",
    "Speed of ours over the peer's in the same run": "한 실행에서 잰 상대와의 속도 비율",
    "attention {}": "어텐션 {}",
    "train {}": "학습 {}",
    "time {}": "손실까지 {}",
    "sample {}": "샘플링 {}",
    "ppo {}": "PPO {}",
    "plain loop": "평범한 루프",
    "tokens/s": "토큰/초",
    "runs/s": "실행/초",
    "{} cores": "코어 {}개",
    # the reward model and PPO
    "While it learns": "배우는 동안",
    "held-out labels": "보류한 라벨",
    "simulated judge": "시뮬레이션 심판",
    "Agreement: {}": "일치: {}",
    "Calibration (number: pairs)": "보정(숫자: 쌍)",
    "calibrated": "완전한 보정",
    "The proxy: what is optimised": "대리 보상: 최적화하는 것",
    "The simulated judge: what is wanted": "시뮬레이션 심판: 바라는 것",
    "Distance to the SFT model": "SFT 모델과의 거리",
    "Length of an answer": "답의 길이",
    "Preferred by the simulated judge to the SFT model's answer": (
        "시뮬레이션 심판이 SFT의 답보다 낫다고 한 비율"
    ),
    "Simulated judge, {}": "시뮬레이션 심판, {}",
    "held-out questions": "보류한 질문",
    "Pretraining text": "사전학습 글",
    "Known tasks, few-shot lists": "아는 과제, 퓨샷 목록",
    "The proxy, {}": "대리 보상, {}",
    "The judge, {}": "심판, {}",
    "many comparisons": "비교가 많을 때",
    "few comparisons": "비교가 적을 때",
    "words kept": "단어를 남길 때",
    # rules and harm
    "Rules broken, and right answers": "규칙을 어긴 답과 맞은 답",
    "Trained and chosen by both, answers break {} rules than by a prompt": (
        "둘 다로 배우고 고르면 프롬프트만 줄 때보다 규칙을 {} 어깁니다"
    ),
    "Trained and chosen by both, answers break {} rules than by a prompt, and {} are right": (
        "둘 다로 배우고 고르면 프롬프트만 줄 때보다 규칙을 {} 어기고 {} 맞힙니다"
    ),
    "more": "더 많이",
    "fewer": "더 적게",
    "reads the rule": "규칙을 읽음",
    'one "bad?" head': "읽지 않음",
    "mean over the rules": "규칙 평균",
    "wordings never seen": "본 적 없는 표현",
    "a rule without labels": "라벨이 없는 규칙",
    **RULES,
    "Which rule is broken": "어느 규칙을 어겼는가",
    "Who reads the rule tells better that it is broken": "규칙을 읽으면 어긴 것을 더 잘 압니다",
    "Who reads the rule tells better: {}": "규칙을 읽으면 더 잘 앎: {}",
    "Helpful and harmless": "도움과 무해",
    "RL-CAI is above the HH frontier": "RL-CAI가 HH의 경계선보다 위에 있습니다",
    "RL-CAI is below the HH frontier": "RL-CAI가 HH의 경계선보다 아래에 있습니다",
    # few-shot learning
    "Known tasks": "아는 과제",
    "Key-value lists": "키-값 목록",
    "Mappings made up in the prompt": "프롬프트에서 지어낸 대응",
    "true labels": "정답 라벨",
    "random labels": "무작위 라벨",
    "Few-shot accuracy, {} examples": "퓨샷 정확도, 예시 {}개",
    "best head": "가장 높은 헤드",
    "attention spread evenly": "고르게 나눈 어텐션",
    "Induction: prefix matching of the best head": "유도: 가장 높은 헤드의 접두 일치",
    "In-context learning score: loss late in a block minus early": (
        "문맥 내 학습 점수: 블록 뒤쪽 손실 − 앞쪽 손실"
    ),
    # Bayes, and what demonstrations are for
    "Bayes, reset": "베이즈(재시작)",
    "Bayes that knows the prompt's form": "프롬프트의 형식을 아는 베이즈",
    "concepts not inferred": "개념을 추론하지 않음",
    "examples left out": "예시를 뺌",
    "{} tokens per example": "예시당 {}토큰",
    "exact Bayes": "정확한 베이즈",
    "Loss": "손실",
    "KL from Bayes to the model": "베이즈에서 모델까지의 KL",
    "none": "없음",
    "gold": "정답",
    "{}% correct": "{}% 정답",
    "random": "무작위",
    "marginal": "주변 분포",
    "permuted": "섞음",
    "other inputs": "다른 입력",
    "uniform words": "무작위 단어",
    "foreign labels": "낯선 라벨",
    "inputs only": "입력만",
    "labels only": "라벨만",
    "no demonstrations": "예시 없음",
    "other labels": "다른 라벨",
    "other inputs or words": "다른 입력이나 단어",
    "one part left out": "한쪽을 뺌",
    "Labels always keep their meaning (ρ = 0)": "라벨의 뜻이 고정(ρ = 0)",
    "Labels reversed in {} of documents": "문서의 {}에서 라벨이 뒤집힘",
    # commands
    "beside pretrain.py; and --probe=fewshot": "pretrain.py와 함께, --probe=fewshot으로도",
    # a number before a name, and a list
    "{}  {}": "{}  {}",
    "{}, {}": "{}, {}",
}


def pattern(english):
    """What finds the text where it is filled in."""
    return re.compile(re.escape(english).replace(r"\{\}", "(.+?)"))


def speaker(table):
    """What says a text in Korean by a table, {English: Korean}, whose first entry that fits counts.
    A text without an entry is a name and stays as it is."""
    filled = {pattern(english): words for english, words in table.items() if "{}" in english}

    def say(text):
        if text in table:
            return table[text]
        for found, words in filled.items():
            if parts := found.fullmatch(text):
                return words.format(*map(say, parts.groups()))
        return text

    return say


korean = speaker(DRAWN)


def both(text):
    """The pair of English and Korean."""
    return text, korean(text)
