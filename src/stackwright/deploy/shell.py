"""Commands as a shell reads them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from stackwright.deploy.launch import Launch
from stackwright.deploy.table import Table

SINGLE = "exec {command}"


def line(command: Sequence[str]) -> str:
    """A command on one line; words with variables stay open to the shell. Source: definition."""
    return " ".join(_quoted(word) for word in command)


def lines(command: Sequence[str], indent: str = "  ") -> str:
    """A command with each flag on a line of its own. Source: definition."""
    groups: list[list[str]] = [[]]
    words_assign = not any(word.startswith("--") for word in command)
    for word in command:
        if groups[-1] and (word.startswith("--") or (words_assign and "=" in word)):
            groups.append([])
        groups[-1].append(_quoted(word))
    return f" \\\n{indent}".join(" ".join(group) for group in groups)


def _quoted(word: str) -> str:
    return f'"{word}"' if "$" in word and '"' not in word else shlex.quote(word)


def start_lines(table: Table, launch: Launch) -> tuple[str, str]:
    """What the leader and each other server of a replica run; the second is empty where there is but one server."""
    if launch.pool.nodes == 1:
        return SINGLE.format(command=lines(launch.command)), ""
    forms = table.several_nodes.get(launch.pool.hardware.vendor) or table.several_nodes["all"]
    known = launch.quantities
    leader = forms["leader"].format(command=lines(launch.command), **known)
    return leader, forms["worker"].format(command=lines(launch.worker), **known)


def script(head: str, table: Table, launch: Launch) -> str:
    """A script that starts one server of a replica; `NODE_RANK` says which, where there are several."""
    leader, worker = start_lines(table, launch)
    text = f"#!/bin/sh\n{head}set -eu\n"
    text += exports(launch.environment)
    if launch.address:
        text += f'export {launch.address}="${{{launch.address}:-$(hostname -i)}}"\n'
    if launch.config:
        text += 'CONFIG="${CONFIG:-$(dirname "$0")}"\n'
    if not worker:
        return f"{text}{leader}\n"
    text += ': "${NODE_RANK:?which server of the replica, from 0}" "${LEADER_ADDRESS:?address of server 0}"\n'
    if "$HOSTS" in leader:
        text += ': "${HOSTS:?servers of the replica, as mpirun takes them}"\n'
    return f"{text}{chosen(leader, worker)}\n"


def chosen(leader: str, worker: str) -> str:
    """The line of this server by its rank. Source: definition."""
    return leader if leader == worker else f'if [ "$NODE_RANK" -eq 0 ]; then\n{leader}\nelse\n{worker}\nfi'


def exports(environment: Mapping[str, str]) -> str:
    """Lines that set variables. Source: definition."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
