"""Acceptance is counted as a greedy verifier counts it, step by step."""

from starter.speculation import Acceptance, accepted

END = 9


def test_all_proposals_right() -> None:
    # Place 0 is the prompt's own token; then 3 accepted + 1 from the target, then what is left of the answer.
    answer = [1, 2, 3, 4, 5, 6, END]
    found = accepted(answer, answer, 3)
    assert found == Acceptance(drafts=2, drafted=6, accepted=5, by_position=(2, 2, 1))


def test_a_wrong_proposal_costs_the_rest_of_its_step() -> None:
    answer = [1, 2, 3, 4, 5]
    proposals = [1, 2, 0, 4, 5]
    # Step 1 at place 1: 2 accepted, 3 refused; step 2 at place 3: 4 and 5 accepted.
    assert accepted(answer, proposals, 3) == Acceptance(2, 6, 3, (2, 1, 0))


def test_nothing_right_is_a_step_for_each_token() -> None:
    answer = [1, 2, 3, 4]
    found = accepted(answer, [0, 0, 0, 0], 3)
    assert found == Acceptance(3, 9, 0, (0, 0, 0))
    assert found.rate == 0.0


def test_an_answer_of_one_token_drafts_nothing() -> None:
    assert accepted([END], [END], 3).rate is None


def test_sums() -> None:
    one = Acceptance(1, 3, 2, (1, 1, 0))
    assert one.plus(one) == Acceptance(2, 6, 4, (2, 2, 0))
