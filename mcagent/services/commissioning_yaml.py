"""Read YAML that somebody wrote: each member once, and no aliases that multiply."""

from typing import Any

from ..errors import ConfigurationError, InvalidMessage


def read_yaml(name: str, words: str, most: int) -> "Any":
    """The one document in *words*, at most *most* bytes large with its aliases written out.

    Raises:
        ConfigurationError: YAML is not installed.
        InvalidMessage: It is no YAML, too large, or has a member twice; *name* is in the message.
    """
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "YAML needs the package pyyaml",
            hint="pip install 'mcagent[tools]', or write the file as JSON (.json)",
        ) from error

    loader = yaml.SafeLoader(words)
    try:
        tree = loader.get_single_node()
        _check_members(tree, yaml.MappingNode, yaml.SequenceNode, set())
        if tree is not None and _expanded(tree, {}) > most:
            what = f"it would be more than {most} bytes with each alias (*) written out"
            raise ValueError(what)  # noqa: TRY301 - one way out for every flaw
        return None if tree is None else loader.construct_document(tree)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidMessage(
            f"{name} is not YAML: {' '.join(str(error).split())}",
            hint="a blank after each colon and dash, blanks instead of tabs; each member once",
        ) from error
    finally:
        loader.dispose()


def _expanded(node: "Any", known: "dict[int, int]") -> int:
    """Bytes of a node, some ten for each and its text, with its aliases written out.

    Each is looked at once; one within itself counts as nothing.
    """
    if id(node) not in known:
        known[id(node)] = 0
        size = 10
        if isinstance(node.value, str):
            size += len(node.value)
        else:
            for part in node.value:
                for one in part if isinstance(part, tuple) else (part,):
                    size += _expanded(one, known)
        known[id(node)] = size
    return known[id(node)]


def _check_members(node: "Any", mapping: "Any", sequence: "Any", seen: "set[int]") -> None:
    """Refuse a member that occurs twice in one object; of two lists the first would be lost."""
    if id(node) in seen:  # an alias: looked at already
        return
    seen.add(id(node))
    if isinstance(node, mapping):
        names = [key.value for key, _ in node.value if isinstance(key.value, str)]
        for key, value in node.value:
            if names.count(key.value) > 1:
                line = key.start_mark.line + 1
                raise ValueError(f"line {line}: member {key.value!r} occurs twice in one object")
            _check_members(value, mapping, sequence, seen)
    elif isinstance(node, sequence):
        for value in node.value:
            _check_members(value, mapping, sequence, seen)
