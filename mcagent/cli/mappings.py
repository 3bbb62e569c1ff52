"""`mcagent mappings`: which data points feed which variables, and which events which assets."""

from .actions import Action, add_actions, run_action
from .common import show
from .consent import add_writing_options, ask
from .exits import INCOMPLETE, OK, complain
from .halfway import one_by_one
from .platformnames import named_agent, named_asset
from .platformsession import open_session
from .rowsout import add_format_option, write_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from ..services.eventmappings_values import EventMapping
    from ..services.mappings_values import Mapping

_COLUMNS = (*("id", "agent", "point", "asset", "aspect", "variable", "keep", "valid", "reasons"),)
_EVENT_COLUMNS = ("id", "agent", "asset", "type", "field", "contains")


def configure(parser: "argparse.ArgumentParser") -> None:
    add_actions(parser, "mappings", _ACTIONS)


def run(args: "argparse.Namespace") -> int:
    return run_action(args, _ACTIONS)


def _list_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("--agent-name", metavar="AGENT", help="only of this agent, name or id")
    add_format_option(parser)


def _ls_options(parser: "argparse.ArgumentParser") -> None:
    _list_options(parser)
    parser.add_argument(
        "--invalid", action="store_true", help="only those whose values the platform drops"
    )


def _create_options(parser: "argparse.ArgumentParser") -> None:
    for name, words in (
        ("agent_name", "name or id of the agent"),
        ("point", "id of the data point"),
        ("asset", "name or id of the asset"),
        ("aspect", "name of the aspect"),
        ("variable", "name of the variable"),
    ):
        parser.add_argument(name, metavar=name.partition("_")[0].upper(), help=words)
    parser.add_argument(
        "--no-keep",
        action="store_true",
        help="let the agent's next data model delete it (keepMapping false)",
    )
    add_writing_options(parser, asks=False)


def _generate_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("agent_name", metavar="AGENT", help="name or id of the agent")
    parser.add_argument("asset", metavar="ASSET", help="name or id of the asset")
    parser.add_argument("--apply", action="store_true", help="make them; without it only shown")
    parser.add_argument(
        "--limits", metavar="PLAN", default="none", help="XXS to XL: keep this plan's limit"
    )
    add_format_option(parser)


def _create_event_options(parser: "argparse.ArgumentParser") -> None:
    for name, words in (
        ("agent_name", "name or id of the agent"),
        ("type", "id of the event type"),
        ("field", "field of the event that is looked at"),
        ("contains", "text that the field contains"),
        ("asset", "name or id of the asset that gets the event"),
    ):
        parser.add_argument(name, metavar=name.partition("_")[0].upper(), help=words)
    add_writing_options(parser, asks=False)


def _delete_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help="as the list shows it")
    add_writing_options(parser, asks=True)


def _ls(args: "argparse.Namespace") -> int:
    from ..services.mappings import Mappings

    with open_session(args) as session:
        agent = named_agent(session, args.agent_name).id if args.agent_name else None
        found = Mappings(session, on_wait=_told).list(agent_id=agent)
        rows = (_row(one) for one in found if not (args.invalid and one.valid))
        write_rows(args, "mappings", _COLUMNS, rows)
    return OK


def _row(mapping: "Mapping") -> "dict[str, Any]":
    return {
        "id": mapping.id,
        "agent": mapping.agent_id,
        "point": mapping.data_point_id,
        "asset": mapping.entity_id,
        "aspect": mapping.aspect,
        "variable": mapping.variable,
        "keep": mapping.keep,
        "valid": mapping.valid,
        "reasons": list(mapping.reasons),
    }


def _create(args: "argparse.Namespace") -> int:
    from ..services.mappings import Mappings
    from ..services.mappings_values import Mapping, check_mapping

    with open_session(args) as session:
        mapping = Mapping(
            named_agent(session, args.agent_name).id,
            args.point,
            named_asset(session, args.asset).id,
            args.aspect,
            args.variable,
            keep=not args.no_keep,
        )
        check_mapping(mapping)
        if args.dry_run:
            show(args, {"created": False, **_row(mapping)}, f"would map {mapping}")
            return OK
        made = Mappings(session, on_wait=_told).create(mapping)
    show(args, {"created": True, **_row(made)}, f"mapped {made}: {made.id}")
    return _judge([made])


def _generate(args: "argparse.Namespace") -> int:
    from ..errors import InvalidMessage
    from ..services.assets import Assets
    from ..services.datasources import DataSources
    from ..services.mappings import Mappings
    from ..services.mappings_values import check_limit, generate_mappings

    with open_session(args) as session:
        agent, asset = named_agent(session, args.agent_name), named_asset(session, args.asset)
        model = DataSources(session).read(agent.id).model
        if model is None:
            raise InvalidMessage(
                f"agent {agent.name} has no data model",
                hint=f"make one of the asset: mcagent agents model {agent.name} "
                f"--from-asset {asset.id} --id ID",
            )
        mappings = Mappings(session, on_wait=_told)
        wanted = generate_mappings(
            model, Assets(session).aspects(asset.id), agent_id=agent.id, entity_id=asset.id
        )
        there = {(one.data_point_id, one.target): one for one in mappings.list(agent_id=agent.id)}
        check_limit([*there.values(), *wanted], args.limits)
        new = [one for one in wanted if (one.data_point_id, one.target) not in there]
        if args.apply:
            new = one_by_one(new, mappings.create, "created")
    write_rows(
        args, "mappings", _COLUMNS, (_row(one) for one in new), empty="nothing is left to map"
    )
    mapped = {one.data_point_id for one in (*wanted, *there.values())}
    missing = sorted(set(model.points) - mapped)
    if missing:
        complain(
            f"not mapped, for want of a variable of their names: {', '.join(missing)}",
            hint="a source's name is looked for as an aspect, a point's name as a variable",
        )
    return max(_judge(new), INCOMPLETE if missing else OK)


def _judge(made: "list[Mapping]") -> int:
    bad = [one for one in made if not one.valid]
    for one in bad:
        complain(
            f"mapping {one} is not valid: {', '.join(one.reasons)}",
            hint="the platform drops its values until types and units agree",
        )
    return INCOMPLETE if bad else OK


def _delete(args: "argparse.Namespace") -> int:
    from ..services.mappings import Mappings

    with open_session(args) as session:
        mappings = Mappings(session, on_wait=_told)
        for one in args.ids:
            mappings.get(one)
        if not args.dry_run:
            ask(args, f"Delete {len(args.ids)} data point mappings?")
            one_by_one(args.ids, mappings.delete, "deleted")
    words = "would be deleted" if args.dry_run else "deleted"
    show(args, {"deleted": [] if args.dry_run else args.ids}, f"{', '.join(args.ids)}: {words}")
    return OK


def _ls_events(args: "argparse.Namespace") -> int:
    from ..services.eventmappings import EventMappings

    with open_session(args) as session:
        agent = named_agent(session, args.agent_name).id if args.agent_name else None
        rows = map(_event_row, EventMappings(session, on_wait=_told).list(agent_id=agent))
        write_rows(args, "eventMappings", _EVENT_COLUMNS, rows)
    return OK


def _event_row(mapping: "EventMapping") -> "dict[str, Any]":
    return {
        "id": mapping.id,
        "agent": mapping.agent_id,
        "asset": mapping.asset_id,
        "type": mapping.event_type_id,
        "field": mapping.field_name,
        "contains": mapping.field_value,
    }


def _create_event(args: "argparse.Namespace") -> int:
    from ..services.eventmappings import EventMappings
    from ..services.eventmappings_values import EventMapping, check_event_mapping

    with open_session(args) as session:
        mapping = EventMapping(
            named_agent(session, args.agent_name).id,
            named_asset(session, args.asset).id,
            args.type,
            args.field,
            args.contains,
        )
        check_event_mapping(mapping)
        if args.dry_run:
            show(args, {"created": False, **_event_row(mapping)}, f"would map {mapping}")
            return OK
        made = EventMappings(session, on_wait=_told).create(mapping)
    show(args, {"created": True, **_event_row(made)}, f"mapped {made}: {made.id}")
    return OK


def _delete_event(args: "argparse.Namespace") -> int:
    from ..errors import InvalidMessage
    from ..services.eventmappings import EventMappings

    with open_session(args) as session:
        mappings = EventMappings(session, on_wait=_told)
        there = {one.id: one for one in mappings.list()}
        unknown = [one for one in args.ids if one not in there]
        if unknown:
            raise InvalidMessage(
                f"there is no event mapping {', '.join(unknown)}",
                hint="mcagent mappings ls-events shows their ids",
            )
        if not args.dry_run:
            ask(args, f"Delete {len(args.ids)} event mappings?")
            one_by_one(args.ids, lambda one: mappings.delete(there[one]), "deleted")
    words = "would be deleted" if args.dry_run else "deleted"
    show(args, {"deleted": [] if args.dry_run else args.ids}, f"{', '.join(args.ids)}: {words}")
    return OK


def _told(seconds: float) -> None:
    complain(f"waiting {seconds:.0f} s: the tenant has 1 050 such calls an hour")


_ACTIONS = {
    "ls": Action("list data point mappings, and which are not valid", _ls_options, _ls),
    "create": Action("map one data point to one variable", _create_options, _create),
    "generate": Action(
        "map each data point of an agent to the variable of its name", _generate_options, _generate
    ),
    "delete": Action("delete data point mappings; asks first", _delete_options, _delete),
    "ls-events": Action("list event mappings", _list_options, _ls_events),
    "create-event": Action("map events to an asset", _create_event_options, _create_event),
    "delete-event": Action("delete event mappings; asks first", _delete_options, _delete_event),
}
