"""A supervisor's word for what a scan may not do by itself: more than expected, not on the document, expired. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from agent.operations import documents, movements, resolving
from agent.operations.counts_settle import booked
from agent.operations.rules import Rules
from agent.operations.values import Clerk, Context, Outcome, State
from contract.times import parse_us


@dataclass(frozen=True, slots=True)
class Approve:
    """`seq` is the exception that holds the movement."""

    seq: int
    supervisor: Clerk
    rules: Rules


def approve(state: State, command: Approve, context: Context) -> Outcome:
    """The movement that the exception holds, as of the time of its scan: the goods are there since then, and a count in
    between has seen them. The result is `{"seq"}` of it."""
    seq, supervisor = command.seq, command.supervisor
    event = state.event(seq)
    if state.books.get(resolving.BOOK, resolving.key_of(seq)) is None:
        return Outcome(refused="not_open", detail=f"entry {seq} is settled already, or was never one")
    if event is None:
        return Outcome(refused="too_old", detail=f"entry {seq} is older than the log: what it held is gone")
    held = event["data"].get("held")
    if held is None:
        return Outcome(refused="nothing_to_approve", detail=f"entry {seq} holds no movement")
    if supervisor.role == "clerk":
        return Outcome(refused="not_allowed", detail="a supervisor approves")
    scanned_by = event["source"].get("clerk")
    if command.rules.approve_by_another and scanned_by == supervisor.clerk:
        return Outcome(refused="needs_another", detail="somebody else than who scanned approves")
    name = event["source"].get("document")
    if name is not None and documents.is_closed(state.books, name):
        return Outcome(refused="closed_already", detail=f"{name} is closed: adjust stock instead")
    # Without its session: undo at the station never reaches what a supervisor booked.
    source = {one: value for one, value in event["source"].items() if one != "session"}
    reference = {"seq": event["seq"], "id": event["id"]}
    data = {**held, "approved_by": supervisor.clerk, "resolves": reference}
    then = Context(parse_us(event["occurred_at"]), event["clock"], context.session_id)
    draft = movements.movement(data, source, then)
    return Outcome(booked(state, draft, state.next_seq), {"seq": state.next_seq})
