"""What is documented about the platform's addresses, for firewall rules (agent API, 1.2)."""

# Domain of a region -> its static addresses for data uploads.
DOCUMENTED = {"eu1.mindsphere.io": ("75.2.111.226", "99.83.250.213")}
_CHINA_1 = "cn1.mindsphere-in.cn"


def documented(host: str) -> "tuple[str, ...]":
    """The documented addresses of *host*; empty where none are."""
    for domain, addresses in DOCUMENTED.items():
        if host == domain or host.endswith("." + domain):
            return addresses
    return ()


def rules(host: str, port: int, *, crl: bool) -> "list[str]":
    """What a firewall must let pass for *host*, and what is not covered by that."""
    lines = [f"a firewall must let TCP to {host} port {port} out, and DNS"]
    addresses = documented(host)
    if addresses:
        lines.append(
            f"its documented static addresses are {' and '.join(addresses)}; they cover data "
            "upload, but neither interactive login nor the data lake's stores"
        )
    elif host.endswith(_CHINA_1):
        lines.append("China 1 has an address of its own, which mcagent does not know")
    if crl:
        lines.append("the hosts of the revocation lists need a rule of their own")
    return lines
