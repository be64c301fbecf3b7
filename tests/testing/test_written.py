import pytest

from verto_resilience.errors import ConfigurationError
from verto_resilience.testing import Fault, Reply, RetryAfterForm, Sandbox
from verto_resilience.testing._written import is_written, read_replies


@pytest.mark.parametrize(
    ("text", "replies"),
    [
        ("503", (Reply(503),)),
        ("503, 503,200", (Reply(503), Reply(503), Reply(200))),
        (" 503 x2 , ok ", (Reply(503), Reply(503), Reply.ok())),
        ("ok delay=0.5", (Reply.ok(delay=0.5),)),
        ("ok fault=reset", (Reply.ok(fault=Fault.RESET),)),
        ("reset", (Reply(200, fault=Fault.RESET),)),
        ("429 retry-after=30", (Reply(429, retry_after=30),)),
        (
            "429 Retry-After=3 form=date delay=1",
            (Reply(429, retry_after=3, retry_after_form=RetryAfterForm.DATE, delay=1.0),),
        ),
        ("400 code=2, 400 code=E7", (Reply(400, code=2), Reply(400, code="E7"))),
        ("504 EXECUTES", (Reply(504, executes=True),)),
    ],
)
def test_each_answer_is_the_reply_it_names(text: str, replies: tuple[Reply, ...]) -> None:
    """Status, own answer or fault comes first, and options say the rest."""
    assert read_replies(text) == replies


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("503, teapot", "answer 2 ('teapot'): 'teapot' is no status, and neither ok nor one of"),
        ("503,,200", "answer 2 (''): nothing stands between the commas"),
        ("", "answer 1 (''): nothing stands"),
        ("ok wait=3", "'wait=3' is unknown; there are delay=, retry-after="),
        ("ok delay=soon", "'delay=soon' has no number"),
        ("ok delay=-1", "delay -1.0 is no number of seconds"),
        ("ok fault=fire", "fault 'fire' is unknown; choose one of reset"),
        ("199", "status 199"),
        ("204 x0", "x0 is no number from x1 to x10000"),
        ("204 x99999", "x99999 is no number"),
    ],
)
def test_answer_that_cannot_be_read_is_named(text: str, named: str) -> None:
    """The error says which answer it is, and what there is in its place."""
    with pytest.raises(ConfigurationError) as caught:
        read_replies(text)

    assert named in str(caught.value)


def test_every_bad_answer_is_named_at_once() -> None:
    """One error lists all of them."""
    with pytest.raises(ConfigurationError) as caught:
        read_replies("503, teapot, 429 retry-after=soon, 1")

    assert [problem.split(" (")[0] for problem in caught.value.problems] == [
        "answer 2",
        "answer 3",
        "answer 4",
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [("503", True), ("ok", True), ("stalled", True), ("503, 200", True), ("throtled", False)],
)
def test_a_single_word_that_is_no_answer_is_a_name(text: str, written: bool) -> None:
    """So that a name that is misspelt is told with the names there are."""
    assert is_written(text) is written


def test_the_sandbox_plays_written_answers() -> None:
    """What is written is played for its path, once or again and again."""
    with Sandbox(script="503, ok") as verto:
        verto.play("404, 409", path="/again", repeat=True)

        taken = [verto._stage.take(path, "GET", 0.0) for path in ["/x", "/x", "/x"]]
        again = [verto._stage.take("/again", "GET", 0.0) for _ in range(4)]

    assert taken == [Reply(503), Reply.ok(), None]
    assert again == [Reply(404), Reply(409), Reply(404), Reply(409)]


def test_options_of_names_are_refused_for_answers() -> None:
    """Seconds and counts belong to names, and repeating belongs to answers."""
    verto = Sandbox()

    with pytest.raises(ConfigurationError, match="has no option 'seconds'"):
        verto.play("503, 200", seconds=3)
    with pytest.raises(ConfigurationError, match="script 'down' has no option 'repeat'"):
        verto.play("down", repeat=True)
