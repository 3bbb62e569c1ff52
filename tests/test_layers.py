"""Who may import whom. CONTRIBUTING, "Layers", is the same table for people."""

from tests.source_tree import imports, modules

# Prefix -> layer; the longest prefix wins. A module may import lower layers and its own part.
LAYERS = {
    "mcagent.calendar": 0,
    "mcagent.errors": 0,
    "mcagent.journal": 0,
    "mcagent.limits": 0,
    "mcagent.runtime": 0,
    "mcagent.troubles": 0,
    "mcagent.boarding": 1,
    "mcagent.buffer": 1,
    "mcagent.messages": 1,
    "mcagent.transport.http": 1,
    "mcagent.credentials": 2,
    "mcagent.transport": 2,
    "mcagent.upload": 3,
    "mcagent.agent": 4,
    "mcagent.inbox": 4,
    "mcagent.inspection": 4,
    "mcagent.intake": 4,
    "mcagent.live": 4,
    "mcagent.loop": 4,
    "mcagent.modelstore": 4,
    "mcagent.notify": 4,
    "mcagent.observer": 4,
    "mcagent.outgoing": 4,
    "mcagent.pulse": 4,
    "mcagent.rejected": 4,
    "mcagent.services": 4,
    "mcagent.status": 4,
    "mcagent.latest": 5,
    "mcagent.progress": 5,
    "mcagent.threshold": 5,
    "mcagent.worker": 4,
    "mcagent.collector": 5,
    "mcagent.collectorfile": 4,
    "mcagent.ledger": 5,
    "mcagent.diagnosis": 5,
    "mcagent.cli": 6,
    "mcagent.__main__": 7,
}
# Parts of one layer do not know each other. The agent and what it is made of are one part.
AGENT = (
    "agent",
    "inbox",
    "intake",
    "live",
    "loop",
    "modelstore",
    "notify",
    "observer",
    "outgoing",
    "pulse",
    "rejected",
    "status",
    "worker",
)


def part(name):
    """The entry of LAYERS that *name* belongs to."""
    fitting = [prefix for prefix in LAYERS if name == prefix or name.startswith(prefix + ".")]
    return max(fitting, key=len, default="")


def allowed(importer, imported):
    """True where the table lets *importer* use *imported*; both are parts."""
    if importer == imported or LAYERS[imported] < LAYERS[importer]:
        return True
    return {importer, imported} <= {"mcagent." + name for name in AGENT}


def house_imports():
    """(importer, imported, line, depth) for each import of a module of ours."""
    known = modules()
    for name, path in known.items():
        for imported, line, depth in imports(name, path, known):
            if imported == "mcagent" or imported.startswith("mcagent."):
                yield name, imported, line, depth


def test_every_module_has_a_layer():
    """A new module states where it belongs before it can be merged."""
    homeless = [
        name
        for name in modules()
        if name != "mcagent" and not name.startswith("mcagent.emulator") and not part(name)
    ]
    assert homeless == []


def test_imports_go_down_only():
    """No module imports from a layer above its own, or from a neighbour in its layer."""
    broken = [
        f"{name}:{line} imports {imported}"
        for name, imported, line, _depth in house_imports()
        if part(name) and part(imported) and not allowed(part(name), part(imported))
    ]
    assert broken == []


def test_emulator_is_an_independent_witness():
    """The emulator imports nothing of the library that it judges."""
    broken = [
        f"{name}:{line} imports {imported}"
        for name, imported, line, _depth in house_imports()
        if name.startswith("mcagent.emulator") and not imported.startswith("mcagent.emulator")
    ]
    assert broken == []


def test_only_the_command_line_knows_the_emulator_and_only_inside_functions():
    """A device that runs the agent never loads the emulator."""
    broken = [
        f"{name}:{line} imports {imported}"
        for name, imported, line, depth in house_imports()
        if imported.startswith("mcagent.emulator")
        and not name.startswith("mcagent.emulator")
        and not (name.startswith("mcagent.cli") and depth)
    ]
    assert broken == []


def test_package_itself_imports_nothing():
    """`import mcagent` loads no other module of ours, or of anyone."""
    known = modules()
    assert list(imports("mcagent", known["mcagent"], known)) == []


def test_concrete_transports_are_the_agents_choice():
    """Only the agent's way out, and services for tools, pick a transport that opens sockets."""
    concrete = ("mcagent.transport.cpython", "mcagent.transport.micropython")
    broken = [
        f"{name}:{line} imports {imported}"
        for name, imported, line, _depth in house_imports()
        if imported.startswith(concrete)
        and not name.startswith(concrete)
        and part(name)
        not in ("mcagent.outgoing", "mcagent.services", "mcagent.diagnosis", "mcagent.cli")
    ]
    assert broken == []
