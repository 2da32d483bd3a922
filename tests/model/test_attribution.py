"""The rule of attribution, as a pure function of the facts."""

from hypothesis import given
from hypothesis import strategies as st

from clicktrail.model.attribution import (
    MAX_AHEAD_US,
    Candidate,
    Decision,
    Evidence,
    Model,
    Outcome,
    Rule,
    Touch,
    attribute,
)
from clicktrail.model.times import DAY_US

NOW = 100 * DAY_US
FIRST, LAST = Model(Touch.FIRST, 30), Model(Touch.LAST, 30)


def click(name: str, days_ago: float = 1, link: str | None = "l", **more: object) -> Candidate:
    return Candidate(name, int(NOW - days_ago * DAY_US), link, **{"evidence": "visitorId", **more})  # type: ignore[arg-type]


def outcomes(decision: Decision) -> dict[str, Outcome]:
    return {each.candidate.click_id: each.outcome for each in decision.considered}


def test_first_and_last_touch() -> None:
    clicks = [click("a", 3), click("b", 2), click("c", 1)]
    assert attribute(clicks, NOW, LAST).click_id == "c"
    assert outcomes(attribute(clicks, NOW, LAST)) == {"a": "earlier", "b": "earlier", "c": "wins"}
    assert attribute(clicks, NOW, FIRST).rule is Rule.FIRST
    assert outcomes(attribute(clicks, NOW, FIRST)) == {"a": "wins", "b": "later", "c": "later"}


def test_equal_times_are_decided_by_ids() -> None:
    clicks = [click("b"), click("a"), click("c")]
    assert attribute(clicks, NOW, LAST).click_id == "c"
    assert attribute(clicks, NOW, FIRST).click_id == "a"


def test_the_window_includes_its_ends() -> None:
    assert attribute([click("a", 30)], NOW, LAST).click_id == "a"
    assert outcomes(attribute([Candidate("a", NOW - 30 * DAY_US - 1, "l", "")], NOW, LAST)) == {"a": Outcome.TOO_OLD}
    assert attribute([Candidate("a", NOW + MAX_AHEAD_US, "l", "")], NOW, LAST).click_id == "a"
    assert outcomes(attribute([Candidate("a", NOW + MAX_AHEAD_US + 1, "l", "")], NOW, LAST)) == {"a": Outcome.TOO_LATE}


def test_what_never_earns() -> None:
    clicks = [
        click("taken", is_taken=True),
        click("robot", is_robot=True),
        click("repeat", is_duplicate=True),
        click("none", link=None),
        click("good", 9),
    ]
    decision = attribute(clicks, NOW, LAST)
    assert decision.click_id == "good"
    assert outcomes(decision) == {
        "taken": "taken",
        "robot": "robot",
        "repeat": "duplicate",
        "none": "no-link",
        "good": "wins",
    }


def test_a_robots_click_earns_where_it_is_named() -> None:
    named = click("robot", is_robot=True, evidence=f"{Evidence.CLICK_ID},{Evidence.VISITOR_ID}")
    assert attribute([named], NOW, LAST).click_id == "robot"


def test_a_click_without_a_link_wins_where_there_is_no_other() -> None:
    decision = attribute([click("a", link=None)], NOW, LAST)
    assert (decision.click_id, decision.link_id, decision.rule) == ("a", None, Rule.LAST)


def test_a_code_wants_its_own_link() -> None:
    clicks = [click("a", 2, "mine"), click("b", 1, "other")]
    assert attribute(clicks, NOW, LAST, "mine").click_id == "a"
    assert outcomes(attribute(clicks, NOW, LAST, "mine"))["b"] is Outcome.OTHER_LINK
    nothing = attribute(clicks, NOW, LAST, "third")
    assert (nothing.click_id, nothing.link_id, nothing.rule) == (None, "third", Rule.CODE)


def test_without_anything_nobody_earns() -> None:
    assert attribute([], NOW, LAST) == Decision(None, None, Rule.NONE, ())


candidates = st.builds(
    Candidate,
    click_id=st.text("abcdef", min_size=1, max_size=4),
    time=st.integers(NOW - 40 * DAY_US, NOW + 2 * MAX_AHEAD_US),
    link_id=st.sampled_from([None, "l", "m"]),
    evidence=st.sampled_from(list(Evidence)),
    is_robot=st.booleans(),
    is_duplicate=st.booleans(),
    is_taken=st.booleans(),
)


@given(
    st.lists(candidates, max_size=8, unique_by=lambda each: each.click_id),
    st.randoms(),
    st.sampled_from([FIRST, LAST]),
    st.sampled_from([None, "l"]),
)
def test_the_same_facts_give_the_same_answer(clicks, random, model, code) -> None:  # type: ignore[no-untyped-def]
    decision = attribute(clicks, NOW, model, code)
    random.shuffle(clicks)
    assert attribute(clicks, NOW, model, code) == decision
    again = attribute([each.candidate for each in decision.considered], NOW, model, code)
    assert again == decision
    assert [each.candidate for each in decision.considered if each.outcome is Outcome.WINS] == [
        each for each in sorted(clicks, key=lambda each: each.click_id) if each.click_id == decision.click_id
    ]
    assert len(decision.considered) == len(clicks)
