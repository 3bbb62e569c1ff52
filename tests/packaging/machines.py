"""Other machines as pip sees them: marker environments and platform tags."""

from packaging.requirements import Requirement

# Machines without compiled wheels on PyPI, by the kernel's name (`uname -m`), each with every
# platform tag that such a device accepts and PyPI knows.
PLATFORMS = {
    "armv6l": ["linux_armv6l"],
    "armv7l": ["linux_armv7l", "manylinux_2_17_armv7l", "manylinux_2_31_armv7l"],
    "riscv64": ["linux_riscv64", "manylinux_2_31_riscv64", "manylinux_2_39_riscv64"],
}


def environment(machine, python):
    """The marker environment of CPython *python* on Linux on *machine*."""
    return {
        "implementation_name": "cpython",
        "implementation_version": python + ".0",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "6.12",
        "platform_system": "Linux",
        "platform_version": "1",
        "python_full_version": python + ".0",
        "python_version": python,
        "sys_platform": "linux",
        "extra": "",
    }


def needed(requires, machine, python):
    """Those of the *requires* lines that hold there, without their markers."""
    for requirement in map(Requirement, requires or []):
        if requirement.marker is None or requirement.marker.evaluate(environment(machine, python)):
            requirement.marker = None
            yield requirement
