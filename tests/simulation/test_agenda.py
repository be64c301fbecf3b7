from verto_resilience.simulation._agenda import Agenda


def test_things_are_done_in_the_order_of_their_instants() -> None:
    """Whatever the order they were put in; of two at the same instant the first put in is first."""
    agenda, done = Agenda(), list[tuple[float, str]]()

    def note(word: str) -> None:
        done.append((agenda.now, word))

    for when, word in ((2.0, "c"), (1.0, "a"), (2.0, "d"), (1.5, "b")):
        agenda.at(when, note, word)
    agenda.run(until=10.0)

    assert done == [(1.0, "a"), (1.5, "b"), (2.0, "c"), (2.0, "d")]


def test_a_run_ends_before_its_end() -> None:
    """What is due at the end is left for the next run, and the clock stands at the end."""
    agenda, done = Agenda(), list[str]()
    agenda.at(1.0, done.append, "due")
    agenda.at(2.0, done.append, "later")

    agenda.run(until=2.0)

    assert (agenda.now, done) == (2.0, ["due"])


def test_what_comes_of_something_is_done_in_the_same_run() -> None:
    """An action may put in another that is due at once."""
    agenda, done = Agenda(), list[str]()
    agenda.at(1.0, lambda _: agenda.at(1.0, done.append, "at once"), None)

    agenda.run(until=1.5)

    assert done == ["at once"]
