"""Which of several PostgreSQL servers in one URL is asked first: the one that was reached last, for it takes writes.

A server whose host is gone costs the whole time-out of a connection. In the order of the URL every connection would pay it, for as
long as that host is gone; so only those pay that are made until the other server is found.
"""

from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.pool import ConnectionPoolEntry

_PORT = "5432"


class Servers:
    """Makes the connections of one process, for the event `do_connect` of its engines. Any thread may."""

    def __init__(self) -> None:
        self._reached: tuple[str, str] | None = None
        """Host and port."""

    def connect(self, dialect: Dialect, _: ConnectionPoolEntry, given: list[Any], parameters: dict[str, Any]) -> Any:  # noqa: ANN401 - the driver's own
        """A connection to the first server that answers and is of the kind asked for. Raises what the driver raises."""
        connection: Any = dialect.connect(*given, **self.in_order(parameters))
        self._reached = (connection.info.host, str(connection.info.port))
        return connection

    def in_order(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """The parameters of a connection, with the server reached last before all others; what names no servers stays as it is."""
        hosts = str(parameters.get("host", "")).split(",")
        ports = str(parameters.get("port", _PORT)).split(",")
        ports = ports * len(hosts) if len(ports) == 1 else ports
        if len(hosts) == 1 or len(ports) != len(hosts) or "hostaddr" in parameters:
            return parameters
        servers = [(host, port or _PORT) for host, port in zip(hosts, ports, strict=True)]
        servers.sort(key=lambda server: server != self._reached)
        return parameters | {"host": ",".join(host for host, _ in servers), "port": ",".join(port for _, port in servers)}
