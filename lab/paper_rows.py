"""The rows of docs/papers.md: which paper each equation is of, and where it stands here."""

from dataclasses import dataclass


@dataclass
class Row:
    paper: str  # as the code names it
    number: str  # equation, section, appendix
    what: str
    place: str  # file:function
    differs: str = ""  # from the paper, and why


ROWS = [
    # the network
    Row(
        "GPT-2",
        "section 2.3",
        "pre-norm blocks, tanh GELU, smaller exits, one table for input and output",
        "model.py:GPT",
        "rotary positions unless `--pos=learned`: copying within a context is learned sooner",
    ),
    Row(
        "Su et al. 2021",
        "eq. 34",
        "rotary positions",
        "model.py:rope",
        "half of a head's channels turn: those that stand still find what they ask for at any "
        "distance",
    ),
    Row(
        "Henry et al. 2020",
        "QKNorm",
        "queries and keys of one length",
        "model.py:GPTConfig",
        "the scale is fixed, not learned; with rotary positions only (`--qk_norm=False` drops it)",
    ),
    Row("Hendrycks & Gimpel 2016", "", "GELU, by its tanh", "kernels/ops.py:_gelu"),
    Row(
        "Chizhov et al. 2024",
        "",
        "a vocabulary without tokens that hardly ever stand in a text",
        "tokenizer.py:without_steps",
        "they go once all merges are made, by their count, and not by its share before and after",
    ),
    Row(
        "FlashAttention-2",
        "algorithms 1 and 2",
        "attention and its gradient without the T × T matrix",
        "kernels/attention.py:attention",
    ),
    Row("Chen et al. 2016", "", "blocks that are computed again", "model.py:GPT"),
    Row("GPT-2", "section 2.2", "byte-level BPE", "tokenizer.py:Tokenizer"),
    Row(
        "Jordan et al. 2024",
        "Muon",
        "momentum made orthogonal, for the hidden matrices",
        "optim.py:Muon",
        "GPT-3 uses AdamW throughout (App. B), as the `gpt2` preset does; Muon reaches the same "
        "loss in fewer steps. In float32 where a CPU has no bfloat16 instructions",
    ),
    Row("Jordan et al. 2024", "Newton-Schulz", "a matrix near U·Vᵀ", "optim.py:orthogonalise"),
    Row("Holtzman et al. 2020", "top-p", "nucleus sampling", "sampling.py:filter_logits"),
    # the stages
    Row(
        "GPT-3",
        "section 2.1",
        "the loss of the next token",
        "pretrain.py:pretrain_loss",
        "the rate ends at zero in the tiny world, not at a tenth of the peak (App. B): fewer steps "
        "then reach the same loss",
    ),
    Row(
        "InstructGPT",
        "section 3.5",
        "supervised fine-tuning",
        "sft.py:sft_loss",
        "the paper does not say whether prompts are masked; here only the assistant's tokens are "
        "learned, as is usual",
    ),
    Row(
        "InstructGPT",
        "App. C.3",
        "pretraining text mixed into fine-tuning",
        "data/corpora.py:PretrainText",
        "three tenths of the loss, on eight blocks a step: facts that no answer names stay",
    ),
    Row(
        "Hu et al. 2021",
        "eq. 3",
        "LoRA: thin matrices learn beside those of the model, which stay",
        "lora.py:LowRank",
        "on all four matrices of a block, not queries and values alone; no dropout on the pairs; A "
        "is uniform, as in its authors' code",
    ),
    Row(
        "Askell et al. 2021",
        "section 2",
        "context distillation: to answer without a prompt as with it",
        "distillation.py:Prompted",
        "answers that the prompted model writes itself to the world's questions, not text of "
        "others; KL over the whole vocabulary, not the 50 likeliest; the prompt is two exchanges, "
        "since a header alone does not move this base",
    ),
    Row(
        "InstructGPT",
        "eq. 1",
        "the loss of the reward model, all pairs of a question together",
        "reward.py:ranking_loss",
    ),
    Row(
        "InstructGPT",
        "App. C.2",
        "the level of the reward: demonstrations score 0 on average",
        "reward.py:normalise",
        "the spread is set to one as well, which PPO's value clip and the penalty of not ending "
        "assume",
    ),
    Row(
        "InstructGPT",
        "eq. 2",
        "reward minus the price of KL, by token",
        "ppo.py:kl_rewards",
        "β is 0.05, not 0.02: kept from first trials, not tuned",
    ),
    Row(
        "InstructGPT",
        "eq. 2, App. C.4",
        "the pretraining gradient (PPO-ptx)",
        "ppo.py:backward_ptx",
    ),
    Row("Schulman et al. 2016", "eq. 16", "generalised advantage estimation", "ppo.py:gae"),
    Row("PPO paper", "eq. 7", "the clipped objective", "ppo.py:policy_loss"),
    Row(
        "Ziegler et al. 2019",
        "section 2.2",
        "the price of KL steered to a target",
        "plumbing/signs.py:steer",
        "off unless a target is given",
    ),
    Row(
        "DeepSeekMath",
        "4.1.2",
        "the advantage of an answer among its group, without a value network (GRPO)",
        "grpo.py:group_advantages",
        "the price of KL is paid in the advantage; the mean is over all tokens of the batch",
    ),
    Row(
        "Ahmadian et al. 2024",
        "RLOO",
        "the same, less the mean of the other answers",
        "grpo.py:leave_one_out",
        "with PPO's clip, of which it needs none in its paper",
    ),
    Row("Bai et al. 2022b", "RL-CAI", "labels that are not sure, p", "reward.py:ranking_loss"),
    Row("Bai et al. 2022a", "tension", "help against harm", "lab/tension.py:measure"),
    Row(
        "Bai et al. 2022a",
        "Elo scores",
        "how strong models are whose answers are compared two at a time",
        "lab/elo.py:bradley_terry",
        "all pairs of models are compared, by a program",
    ),
    Row(
        "Bai et al. 2022a",
        "train-PM and test-PM",
        "reward against √KL, by a preference model of the other half of the comparisons too",
        "lab/pareto.py:at_a_distance",
        "how straight the line is, is reported and not assumed",
    ),
    Row(
        "Bai et al. 2022a",
        "iterated online training",
        "comparisons of the current policy, in rounds",
        "lab/arms.py:in_rounds",
        "three rounds, help alone; every policy starts from the fine-tuned model",
    ),
    # rules
    Row(
        "Glaese et al. 2022",
        "adversarial probing",
        "somebody is given one rule and tries to have it broken",
        "data/world/probes.py:Probes",
        "7 rules of a tiny world, not 23; attacks are written by a program, in families of which "
        "some are for tests only; near misses, to be answered, are ours",
    ),
    Row(
        "Glaese et al. 2022",
        "rule reward model",
        "one classifier of a dialogue and the text of a rule",
        "rules.py:rule_loss",
        "simulated labelers, a tenth of whose marks is wrong, which the loss knows; marks that say "
        "broken weigh double; beside the paper's a second network keeps its words, which compare "
        "an answer with a note; at this size a rule's text is a key, learned and not understood",
    ),
    Row(
        "Patrini et al. 2017",
        "forward correction",
        "a loss that knows what share of the labels is wrong",
        "rules.py:rule_loss",
        "one share for both kinds of marks, which is told and not estimated",
    ),
    Row(
        "Glaese et al. 2022",
        "reranking",
        "the score by which one of eight answers is said",
        "judges/rules.py:combined",
        "ours: the mean of the preference is over the eight; the product over rules has no root",
    ),
    Row(
        "Glaese et al. 2022",
        "reinforcement learning",
        "preference and rules in one reward",
        "judges/combined.py:Combined",
        "the form is ours: both terms in standard units of the first answers, and their sum",
    ),
    Row(
        "Bai et al. 2022b",
        "critiques, revisions",
        "a model says what is wrong with its answer, by a principle, and writes a better one",
        "constitution.py:Critic",
        "the form is taught on four topics, since a small model cannot read it off a few examples; "
        "a round reads the last answer, not all rounds before it",
    ),
    Row(
        "Bai et al. 2022b",
        "AI feedback",
        "which of two answers is better, as a probability",
        "constitution.py:ensemble",
        "mean over both orders and four principles of 16; the answers are those of the rounds, not "
        "two samples of a model tuned on them",
    ),
    Row("Schulman 2020", "k3", "an estimate of KL of low variance", "plumbing/signs.py:distances"),
    Row(
        "Rafailov et al. 2023",
        "eq. 7",
        "DPO",
        "dpo.py:dpo_loss",
        "on rankings of four answers, all pairs of a question together, as in reward.py",
    ),
    Row(
        "Mitchell 2023",
        "cDPO",
        "DPO by labels that are not sure",
        "dpo.py:dpo_loss",
        "p of each pair, not one share of wrong labels for all",
    ),
    Row(
        "InstructGPT",
        "section 5.2",
        "how often two labelers agree",
        "judges/labelers.py:agreement",
        "labelers are simulated: the judge's utility, a personal bias, noise",
    ),
    # in-context learning
    Row("GPT-3", "section 2.4", "an option's likelihood by token", "icl/fewshot.py:mean_score"),
    Row(
        "Holtzman et al. 2021",
        "eq. 2",
        "what a question adds to an answer (PMI)",
        "icl/fewshot.py:pmi_score",
    ),
    Row(
        "GPT-3",
        "section 2.4",
        "multiple choice: the likeliest of several answers",
        "icl/choice.py:best_choice",
        "a choice is scored whole, not by its letter",
    ),
    Row(
        "Zhao et al. 2021",
        "section 5",
        "calibration by an input without content",
        "icl/fewshot.py:calibrate",
        'one such input, "N/A", not three: shorter prompts',
    ),
    Row("Xie et al. 2021", "section 4", "GINC, to the byte", "data/ginc/hmm.py:Ginc"),
    Row(
        "Xie et al. 2021",
        "eq. 1",
        "in-context learning as Bayesian inference, computed exactly",
        "data/ginc/exact_bayes.py:Mixture",
    ),
    Row(
        "Min et al. 2022",
        "sections 4 and 5",
        "demonstrations changed one part at a time",
        "data/flips.py:layouts",
    ),
    Row(
        "Yoo et al. 2022",
        "section 3",
        "GLER: what is lost with the labels",
        "icl/demonstrations.py:gler",
    ),
    Row(
        "Yoo et al. 2022",
        "section 3",
        "accuracy by the share of true labels",
        "icl/demonstrations.py:label_slope",
    ),
    Row("Olsson et al. 2022", "p. 24", "prefix matching", "icl/induction.py:prefix_matching"),
    Row(
        "Olsson et al. 2022",
        "p. 7",
        "ICL score",
        "icl/induction.py:icl_score",
        "means over an eighth and a sixteenth of the positions, not two tokens: less noise",
    ),
    Row(
        "Elhage et al. 2021",
        "induction",
        "the circuit by hand, as a control",
        "icl/induction.py:hand_built",
    ),
    # measuring
    Row("InstructGPT", "section 4.2", "the alignment tax", "lab/tax.py:measure"),
    Row(
        "Gao et al. 2023",
        "",
        "over-optimisation",
        "lab/overoptimisation.py:journey",
        "of the scalar alone; the words that reward.py keeps beside it are a leash by themselves",
    ),
    Row(
        "Gao et al. 2023",
        "",
        "best-of-n without bias",
        "lab/overoptimisation.py:best_of_n_weights",
    ),
    Row(
        "Stiennon et al. 2020",
        "App. G.3",
        "how far best-of-n goes",
        "lab/overoptimisation.py:best_of_n_kl",
    ),
    Row("Wilson 1927", "", "the interval of a share", "plumbing/records.py:wilson"),
    Row(
        "Bradley & Terry 1952",
        "",
        "how strong models are whose answers are compared two at a time, as Elo ratings",
        "lab/elo.py:ratings",
        "half a win is added to each side of a pair: who never wins would be infinitely weak",
    ),
    Row(
        "Zermelo 1929", "", "the likeliest strengths, by a fixed point", "lab/elo.py:bradley_terry"
    ),
]

# What belongs to no single equation: (where, the paper, here, why).
ELSEWHERE = [
    (
        r"`<\|user\|>`, `<\|assistant\|>`",
        "not described",
        r"start as the embeddings of `<\|endoftext\|>` and of a line break",
        "they stand where those stand in the quizzes of the pretraining text",
    ),
    (
        "options of a few-shot question",
        "all labels",
        "the answer and at most seven others",
        "time",
    ),
    (
        "reinforcement learning of Sparrow",
        "A2C",
        "PPO; `--preset=a2c` is one pass in one minibatch, where the ratio is 1",
        "the same script serves both",
    ),
    (
        "the model that Sparrow starts from",
        "Chinchilla with a dialogue prompt",
        "fine-tuned to comply with half of the attacks; the study also gives it a dialogue prompt",
        "there has to be something to mend; a prompt of a few answers hardly lowers what it breaks",
    ),
    (
        "evidence of Sparrow",
        "a query to a search engine, whose snippet is inserted",
        "a query to a file of facts, whose line is inserted; one look-up an answer",
        "a line of a new inventory can be copied and not be known; rule 7 asks of a note that the "
        "user shows",
    ),
    (
        "the model that HH-RLHF starts from",
        "distilled from itself with a prompt before it (context distillation)",
        "fine-tuned on demonstrations; sft.py --preset=distill makes the distilled one",
        "what is asked of the chain is conversation: two exchanges in a prompt teach this base to "
        "answer a question, and not to talk",
    ),
    (
        "number of demonstrations, steps, rates",
        "see InstructGPT, App. C",
        "chosen for a model of about a million parameters",
        "`--help` shows each with its source",
    ),
]
