"""What the tables of lab/tables_pareto.py say in Korean. The English text is the key."""

PARETO = {
    **{f"HH, λ = {weight}": f"HH, λ = {weight}" for weight in ("0.25", "1", "4", "16")},
    "help, Elo": "도움, Elo",
    "harmless, Elo": "무해, Elo",
    "does harm, %": "해를 끼침, %",
    "evasive, %": "둘러댐, %",
    "right answers, %": "정답, %",
    "Answers at temperature 1 to {questions} held-out questions and to {n} held-out requests "
    "for harm, all pairs of models compared by a simulated judge, ties half a win; Elo points "
    "with the 95 % interval of a bootstrap by prompt, seeds together. HH: people's labels "
    "(simulated), harm at λ times the weight of help; RL-CAI has as many comparisons, an AI's "
    "where they are of harm. HH starts from the first model, RL-CAI from SL-CAI.": ""
    "보류한 질문 {questions}개와 보류한 해로운 부탁 {n}개에 온도 1로 "
    "한 답. 시뮬레이션 심판이 모든 모델 쌍을 비교하며 비김은 반 승입니다. Elo 점수와, 질문을 다시 "
    "뽑는 부트스트랩의 95 % 구간, 시드를 모두 합쳤습니다. HH는 사람의 라벨로 배우고(시뮬레이션), "
    "해로움의 무게는 도움의 λ배입니다. RL-CAI는 비교의 수가 같고 해로움의 비교는 AI가 했습니다. "
    "HH는 첫째 모델에서, RL-CAI는 SL-CAI에서 출발합니다.",
    "RL-CAI is above every mixture of the HH models and of the one that they start from: each "
    "has less of help or of harmlessness, by {above} Elo points at least (by seed {of_seeds}).": ""
    "RL-CAI는 HH 모델과 그 출발 모델을 어떻게 섞은 것보다도 위에 있습니다. 어느 혼합이든 도움이나 "
    "무해 가운데 하나는 적어도 Elo {above}점 낮습니다(시드별 {of_seeds}).",
    "RL-CAI is neither clearly above nor clearly below the mixtures of the HH models and of the "
    "one that they start from: by {above} Elo points (by seed {of_seeds}).": ""
    "RL-CAI가 HH 모델과 그 출발 모델의 혼합보다 위인지 아래인지 뚜렷하지 않습니다. Elo "
    "{above}점(시드별 {of_seeds}).",
    "RL-CAI is below a mixture of the HH models and of the one that they start from, which has "
    "more of both: by {above} Elo points (by seed {of_seeds}).": ""
    "RL-CAI는 HH 모델과 그 출발 모델의 어느 혼합보다 둘 다 낮습니다. Elo {above}점(시드별 "
    "{of_seeds}).",
    "train PM": "PPO가 올리는 선호 모델",
    "held-out PM": "나머지 절반의 선호 모델",
    "gold help": "참 도움",
    "gold harmless": "참 무해",
    "steps of PPO": "PPO 단계",
    "R² of a line": "직선의 R²",
    "√KL, √nat an answer": "√KL, 답 하나당 √nat",
    "Mean reward of answers to held-out questions and requests for harm, of a policy that "
    "climbs one of two preference models without a leash; each has learned from one half of "
    "the comparisons. R²: how straight the score is against √KL from the start. Gold is a "
    "program's (simulated).": "보류한 질문과 해로운 부탁에 한 답의 평균 보상. 정책은 두 선호 모델 "
    "가운데 하나를 목줄 없이 올리며, 두 모델은 비교를 절반씩 나누어 배웠습니다. R²는 출발점에서 잰 "
    "√KL에 대해 점수가 얼마나 곧은지입니다. 참값은 프로그램의 판정입니다(시뮬레이션).",
    "round 1": "1차",
    "round 2": "2차",
    "round 3": "3차",
    "static": "한꺼번에",
    "rankings": "순위의 수",
    "wins against SFT, %": "SFT를 이긴 비율, %",
    "judge's score": "심판 점수",
    "reward model, held-out labels, %": "보상 모델, 보류한 라벨, %",
    "Help alone: in rounds the answers that are ranked are the current policy's, static ones "
    "are all of the fine-tuned model. {last} wins {win} % of {n} questions against static, "
    "ties half (simulated judge).": "도움만: 차수마다 그때의 정책이 한 답에 순위를 매기고, "
    "한꺼번에 모은 것은 모두 미세조정한 모델의 답입니다. {last}는 질문 {n}개 가운데 {win} %에서 "
    "한꺼번에 모은 쪽을 이깁니다. 비김은 반입니다(시뮬레이션 심판).",
    "the base model": "기본 모델",
    "the base model with a prompt": "프롬프트를 앞에 둔 기본 모델",
    "what learned from it, without a prompt": "그것에서 배운 모델, 프롬프트 없이",
    "Context distillation (data/prompt.txt): {n} held-out questions, the likeliest answers, "
    "judged by a program (simulated). Of what the prompt gains {kept} % stays without it; no "
    "answer was demonstrated.": "문맥 증류(data/prompt.txt): 보류한 질문 {n}개에 가장 그럴듯한 답, "
    "프로그램이 판정했습니다(시뮬레이션). 프롬프트로 얻은 것의 {kept} %가 프롬프트 없이도 "
    "남습니다. 시범 답은 하나도 쓰지 않았습니다.",
    "a network of the tiny world, tuned on the others": "작은 세계의 망, 나머지 짝으로 조정",
    "the words of the answers, logistic regression": "답의 낱말들, 로지스틱 회귀",
    "in the right order, %": "순서가 맞음, %",
    "The test file of HH's harmless comparisons, whose labels are people's: {n} pairs, each "
    "held out once in {folds} folds; ± a standard error. The network has read hardly a word of "
    "this English before.": "HH의 무해 비교 시험 파일, 라벨은 사람의 것입니다. {n}쌍을 {folds}겹으"
    "로 나누어 한 번씩 보류했고, ± 뒤는 표준 오차입니다. 망은 이런 영어를 거의 읽은 적이 없습니다.",
    "calibration error, {form}": "보정 오차, {form}",
    "soft": "확률 그대로",
    "hard": "0 또는 1",
    "clamped": "0.4-0.6으로 자름",
    "Of two answers, one of which does harm by a program's verdict (simulated), the model says "
    "by principles which is better; {n} pairs in all. Its probability is the label: as it is "
    "(soft), as sure as can be (hard), or between 0.4 and 0.6 (clamped); errors with the 95 % "
    "interval over seeds.": "두 답 가운데 하나는 프로그램이 보기에 해롭습니다(시뮬레이션). 모델이 "
    "원칙에 따라 어느 쪽이 나은지 말합니다. 모두 {n}쌍. 그 확률이 라벨입니다. 그대로 쓰거나, 0 "
    "또는 1로 굳히거나, 0.4와 0.6 사이로 자릅니다. 오차에는 시드에 걸친 95 % 구간이 붙습니다.",
}
