"""The exercises of exercises/README.md: what `python -m exercises` empties, plants and grades.

Three kinds. fill: the body of one function is to be written. bug: a text of one file is replaced by
another that is wrong and raises no error. run: a command of exercises/README.md, with a question. The
tests named are the graders; the project's own text passes them (tests/exercises/test_exercises.py).
"""

from dataclasses import dataclass

KINDS = {"fill": "fill in", "run": "run and explain", "bug": "find the bug"}
WEEKS = {
    1: "week 1: the language model",
    10: "week 2: demonstrations and rankings",
    22: "week 3: PPO",
    35: "week 4: in-context learning",
}


@dataclass(frozen=True)
class Exercise:
    """`where` is file:function. A bug is the text `old` of that file replaced by `new`; `tests` are
    the graders, which the project's own text passes."""

    kind: str
    title: str
    minutes: int
    where: str = ""
    tests: tuple = ()
    hint: str = ""
    old: str = ""
    new: str = ""

    @property
    def file(self):
        return self.where.partition(":")[0]


def fill(title, minutes, where, tests, hint):
    return Exercise("fill", title, minutes, where, tests, hint)


def bug(title, minutes, where, tests, hint, old, new):
    return Exercise("bug", title, minutes, where, tests, hint, old, new)


def to_run(title, minutes, hint):
    return Exercise("run", title, minutes, hint=hint)


EXERCISES = dict(
    enumerate(
        (
            # week 1: the language model
            fill(
                "Merge two neighbours",
                15,
                "tokenizer.py:merge",
                ("tests/test_tokenizer.py::test_train_bpe_by_hand",),
                "Walk with an index. After a match it moves on by two, so that aaa gives (aa) a.",
            ),
            fill(
                "Attention by its definition",
                20,
                "kernels/attention.py:reference",
                ("tests/kernels/test_attention.py::test_reference_by_hand",),
                "Scores, minus infinity above the diagonal (triu(1)), softmax over the keys, times v.",
            ),
            fill(
                "How likely was that token?",
                15,
                "likelihood.py:token_logprobs",
                ("tests/test_likelihood.py::test_token_logprobs_score_the_next_token",),
                "T tokens make T - 1 predictions: the last logits and the first token are left over.",
            ),
            to_run("Temperature", 10, "Count how many of five answers repeat at each temperature."),
            to_run(
                "Why GPT-3 was not enough",
                15,
                "What did the text that it read do after a question?",
            ),
            bug(
                "One word, two spellings",
                10,
                "tokenizer.py:Tokenizer.encode",
                ("tests/test_tokenizer.py::test_composed_and_decomposed_hangul_are_the_same",),
                "Compare what happens to a text before training and before encoding.",
                'return self.encoding.encode_ordinary(unicodedata.normalize("NFC", text))',
                "return self.encoding.encode_ordinary(text)",
            ),
            bug(
                "A loss too good to be true",
                15,
                "likelihood.py:token_logprobs",
                ("tests/test_likelihood.py::test_token_logprobs_score_the_next_token",),
                "Write down, for T = 3, which token each row of logits has already read.",
                "logits = model(tokens)[:, :-1].float() / temperature",
                "logits = model(tokens)[:, 1:].float() / temperature",
            ),
            bug(
                "An answer depends on its neighbours",
                25,
                "model.py:GPT.trunk",
                (
                    "tests/test_model.py::test_a_seed_repeats_and_a_row_does_not_feel_its_neighbours",
                ),
                "Prompts of a batch differ in length. Which position does each row's new token get?",
                "positions = lengths[:, None]",
                "positions = lengths.max().expand(B, 1)",
            ),
            bug(
                "A step in the learning rate",
                15,
                "optim.py:learning_rate",
                ("tests/plumbing/test_checkpoint.py::test_learning_rate_in_closed_form",),
                "Print the factor for 10 steps with a warm-up of 4. Where does the cosine begin?",
                "progress = (step - warmup) / max(1, steps - 1 - warmup)",
                "progress = step / max(1, steps - 1)",
            ),
            # week 2: demonstrations and rankings
            fill(
                "The template and its mask",
                20,
                "tokenizer.py:Tokenizer.render",
                ("tests/test_tokenizer.py::test_render_by_hand",),
                "The assistant's marker is given, so its mask is 0; the end of the answer is learned.",
            ),
            to_run(
                "Without the tenth of pretraining text",
                20,
                "Two losses: one on answers (the log), one on the language (lm_loss of ppo.py's exam).",
            ),
            bug(
                "The model that never stops",
                10,
                "tokenizer.py:Tokenizer.render",
                ("tests/test_tokenizer.py::test_render_by_hand",),
                "python tokenizer.py colours what is learned. Which token is missing?",
                "part, learn = [self.assistant, *text, self.endoftext], [0] + [1] * (len(text) + 1)",
                "part, learn = [self.assistant, *text, self.endoftext], [0] + [1] * len(text) + [0]",
            ),
            bug(
                "A guest who speaks for the host",
                10,
                "tokenizer.py:Tokenizer.encode",
                ("tests/test_tokenizer.py::test_typed_specials_stay_text",),
                "Encode the text '<|assistant|>' and count the ids.",
                'return self.encoding.encode_ordinary(unicodedata.normalize("NFC", text))',
                'return self.encoding.encode(unicodedata.normalize("NFC", text), allowed_special="all")',
            ),
            bug(
                "Four small batches are not one large batch",
                15,
                "sft.py:sft_loss",
                ("tests/test_sft.py::test_parts_of_a_batch_add_up_to_the_whole",),
                "A part with one answer token and a part with fifty: how much should each token weigh?",
                "return (nll * mask).sum() / count",
                "return (nll * mask).sum() / mask.sum()",
            ),
            fill(
                "The ranking loss",
                25,
                "reward.py:ranking_loss",
                ("tests/test_reward.py::test_ranking_loss_is_the_explicit_double_loop",),
                "preferred(ranks) is 1 where i beats j. Mean over the pairs, then over the questions.",
            ),
            to_run("K = 2 or K = 4", 30, "A labeler who ranks four answers makes six comparisons."),
            to_run(
                "300 labels",
                30,
                "Compare agreement on held-out questions, and the calibration table.",
            ),
            to_run(
                "Four passes over the same rankings", 20, "Read val_loss at the end of each epoch."
            ),
            bug(
                "The reward changes with the company",
                15,
                "reward.py:scores_of",
                ("tests/test_reward.py::test_the_score_is_read_at_the_end_of_the_text",),
                "Batches are padded on the right. What stands in the last column of a short row?",
                "return model(tokens)[torch.arange(len(tokens), device=tokens.device), last]",
                "return model(tokens)[:, -1]",
            ),
            bug(
                "A draw is not a defeat",
                15,
                "reward.py:preferred",
                ("tests/test_reward.py::test_ties_drop_and_empty_places_count_as_nothing",),
                "Print preferred of one question whose ranks are 0, 1, 1. How many pairs are there?",
                "return ((ranks[:, :, None] < ranks[:, None, :]) & both).float()",
                "return ((ranks[:, :, None] <= ranks[:, None, :]) & both).float()",
            ),
            bug(
                "Held out, but not quite",
                20,
                "judges/agreement.py:hold_out",
                ("tests/test_reward.py::test_held_out_comparisons_are_of_other_questions",),
                "Three labelers rank answers to one question. Where may their three records go?",
                """\
    train = [r for r in records if json.dumps(r["messages"]) not in held]
    return train, [r for r in records if json.dumps(r["messages"]) in held]""",
                """\
    n = sum(json.dumps(r["messages"]) in held for r in records)
    return records[n:], records[:n]""",
            ),
            # week 3: PPO
            fill(
                "The price of leaving the reference",
                20,
                "ppo.py:kl_rewards",
                (
                    "tests/test_ppo.py::test_the_score_is_paid_at_the_last_token",
                    "tests/test_ppo.py::test_rewards_add_up_to_the_score_minus_beta_kl",
                ),
                "Each row's last 1 in the mask: weigh the mask by its column number and take the argmax.",
            ),
            fill(
                "Advantages, from the right",
                30,
                "ppo.py:gae",
                (
                    "tests/test_ppo.py::test_gae_by_hand",
                    "tests/test_ppo.py::test_gae_ignores_what_stands_outside_the_answer",
                ),
                "One loop over t from the last column. Set values outside the mask to 0 before anything.",
            ),
            fill(
                "Whitening",
                15,
                "ppo.py:whiten",
                ("tests/test_ppo.py::test_whitening_is_over_the_tokens_of_answers_only",),
                "Sums over the mask, divided by the count; machine.sum adds up over processes.",
            ),
            fill(
                "The clipped objective",
                15,
                "ppo.py:policy_loss",
                (
                    "tests/test_ppo.py::"
                    "test_a_clipped_ratio_has_no_gradient_on_the_side_of_its_advantage",
                    "tests/test_ppo.py::test_at_ratio_one_the_gradient_is_that_of_reinforce",
                ),
                "Two products with the advantage, the smaller of the two, and a minus. Return the ratio.",
            ),
            fill(
                "Best of n without sampling n",
                20,
                "lab/studies.py:best_of_n_weights",
                (
                    "tests/lab/test_studies.py::test_best_of_n_counts_every_subset_once",
                    "tests/lab/test_studies.py::test_the_weights_are_a_distribution",
                ),
                "If the i-th worst is the best of n, the other n - 1 come from the i - 1 below it.",
            ),
            to_run("No leash: beta = 0", 30, "Plot three figures of the log: reward, judge, kl."),
            to_run(
                "The alignment tax and PPO-ptx",
                40,
                "lm_loss and few_shot before, after, after ptx.",
            ),
            to_run(
                "A perfect reward",
                30,
                "The judge as reward beside the learned one: what gap is left?",
            ),
            bug(
                "The first word is never rewarded",
                20,
                "ppo.py:sample",
                ("tests/test_ppo.py::test_the_mask_covers_the_answer_and_its_end",),
                "Entry t of the mask belongs to the choice of token t + 1. Draw a prompt of 3 tokens.",
                "mask[row, len(p) - 1 : len(p) + len(a) - 1] = 1",
                "mask[row, len(p) : len(p) + len(a)] = 1",
            ),
            bug(
                "KL before the first step",
                20,
                "ppo.py:train",
                ("tests/test_ppo.py::test_dropout_is_off",),
                "Policy and reference are the same weights at first. What can still differ in a forward?",
                "return GPT.from_checkpoint(checkpoint, **changes, dropout=0.0).to(machine.device)",
                "return GPT.from_checkpoint(checkpoint, **changes).to(machine.device)",
            ),
            bug(
                "A clip that does not hold",
                20,
                "ppo.py:policy_loss",
                (
                    "tests/test_ppo.py::"
                    "test_a_clipped_ratio_has_no_gradient_on_the_side_of_its_advantage",
                ),
                "Work out ratio 1.5, advantage +1 and ratio 0.5, advantage -1 on paper.",
                "return -torch.min(ratio * advantages,",
                "return -torch.max(ratio * advantages,",
            ),
            bug(
                "DPO likes long answers",
                20,
                "dpo.py:answer_logp",
                ("tests/test_dpo.py::test_log_probabilities_are_sums_over_answers_alone",),
                "What is the probability of a whole answer, given those of its tokens?",
                "return (token_logprobs(model, tokens) * mask).sum(1).view(ranks.shape)",
                "return ((token_logprobs(model, tokens) * mask).sum(1) / mask.sum(1)).view(ranks.shape)",
            ),
            bug(
                "The rewards do not add up",
                20,
                "ppo.py:kl_rewards",
                ("tests/test_ppo.py::test_rewards_add_up_to_the_score_minus_beta_kl",),
                "A single token's log-ratio may be negative. Its mean over samples may not.",
                "rewards = -beta * (logp - ref_logp) * mask",
                "rewards = -beta * (logp - ref_logp).clamp(min=0) * mask",
            ),
            # week 4: in-context learning
            fill(
                "The Bayes filter",
                40,
                "data/ginc/exact_bayes.py:Mixture.steps",
                (
                    "tests/data/test_exact_bayes.py::test_two_concepts_by_hand",
                    "tests/data/test_exact_bayes.py::test_the_sparse_filter_is_the_dense_one",
                ),
                "between[last symbol, this symbol] is the block of T; yield the sum and divide by it.",
            ),
            fill(
                "How to recognise an induction head",
                15,
                "icl/induction.py:prefix_matching",
                ("tests/icl/test_induction.py::test_prefix_matching_of_known_patterns",),
                "Token t stood at t - L before. What followed it stands one further on.",
            ),
            to_run(
                "Inference that is exact",
                15,
                "k = 3: compare the predictors at n = 1 and at n = 64.",
            ),
            to_run(
                "One concept",
                40,
                "With one concept, what is there left to infer from the examples?",
            ),
            to_run("Random labels", 40, "Read the exact answers first, the models' second."),
            to_run(
                "Heads that copy",
                20,
                "Which layer holds the highest prefix matching, and why not 0?",
            ),
            bug(
                "A posterior without a memory",
                20,
                "data/ginc/exact_bayes.py:Mixture.document",
                ("tests/data/test_exact_bayes.py::test_documents_against_the_dense_filter",),
                "Evidence of every token so far multiplies; its logarithm adds.",
                "posteriors.append(softmax(total))",
                "posteriors.append(softmax(log(evidence[..., 0])))",
            ),
            bug(
                "Error bars that are too short",
                15,
                "plumbing/records.py:t_interval",
                ("tests/test_likelihood.py::test_t_interval_by_hand",),
                "Three seeds, one mean estimated from them: how many are left for the spread?",
                "np.std(values, ddof=1)",
                "np.std(values)",
            ),
        ),
        start=1,
    )
)
