"""Runs the steps of the Dockerfile, read from the file itself, in clean Debian roots: for machines without a container engine.

Each stage gets a fresh copy of a minimal Debian (debootstrap) in place of its base image; RUN, COPY, ENV, WORKDIR and USER do
what they say. Then the last stage's ENTRYPOINT and CMD are started as its USER, and its HEALTHCHECK must pass. Needs root, and
Debian's mirror as apt has it configured. Run by `make docker-steps`; prints every step; exit code 1 at the first that fails.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

CONTEXT = Path(__file__).parents[2]
WORK = CONTEXT / "build" / "docker"
START_LIMIT = 60.0
"""Seconds the program may take until its health check passes."""


def instructions(text: str) -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, rest) pairs: comments dropped, continued lines joined."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    pairs = (line.strip().partition(" ") for line in joined.splitlines() if line.strip())
    return [(name.upper(), rest.strip()) for name, _, rest in pairs]


class Stage:
    """One stage: its root folder and what ENV, WORKDIR and USER have said so far."""

    def __init__(self, name: str, suite: str) -> None:
        self.name, self.root = name, WORK / name
        self.env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", **_lent_certificates()}
        self.folder, self.user = "/", "root"
        self.entrypoint: list[str] = []
        self.command: list[str] = []
        self.health: list[str] = []
        unmount(self.root)
        shutil.rmtree(self.root, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", debian(suite), self.root], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", self.root / "proc"], check=True)

    def inside(self, arguments: list[str]) -> list[str]:
        """The command line that runs `arguments` in this root, as this user, in this folder, with only this environment."""
        settings = [f"{name}={value}" for name, value in self.env.items()]
        script = f'cd "{self.folder}" && exec "$@"'
        return [
            *("chroot", f"--userspec={self.user}", str(self.root), "/usr/bin/env", "-i"),
            *(*settings, "/bin/sh", "-c", script, "sh", *arguments),
        ]

    def run(self, command: str) -> None:
        """RUN in its shell form."""
        subprocess.run(self.inside(["/bin/sh", "-c", command]), check=True)

    def copy(self, rest: str, stages: dict[str, "Stage"]) -> None:
        """COPY from the context (only what .dockerignore lets in) or from an earlier stage."""
        *sources, target = shlex.split(rest)
        origin = CONTEXT
        if sources[0].startswith("--from="):
            origin = stages[sources.pop(0).removeprefix("--from=")].root
        else:
            let_in = {line.strip("!/") for line in (CONTEXT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
            if left_out := [source for source in sources if source.split("/")[0] not in let_in]:
                raise SystemExit(f".dockerignore leaves out {', '.join(left_out)}, which COPY asks for")
        for source in sources:
            place = self.root / os.path.normpath(f"{self.folder}/{target}" if target[0] != "/" else target).lstrip("/")
            from_path = origin / source.lstrip("/")
            if from_path.is_dir():
                shutil.copytree(
                    from_path, place, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy2(from_path, place)

    def healthy(self) -> bool:
        """Whether the program, started as the image would start it, passes its health check within START_LIMIT."""
        print("start:", shlex.join(self.entrypoint + self.command), flush=True)
        with subprocess.Popen(self.inside(self.entrypoint + self.command)) as program:
            try:
                end = time.monotonic() + START_LIMIT
                while time.monotonic() < end and program.poll() is None:
                    if subprocess.run(self.inside(self.health), capture_output=True, check=False).returncode == 0:
                        return True
                    time.sleep(0.5)
                return False
            finally:
                program.terminate()
                try:
                    program.wait(START_LIMIT)
                except subprocess.TimeoutExpired:
                    program.kill()


def _lent_certificates() -> dict[str, str]:
    """This machine's certificate authorities, for a network that has its own; the image itself keeps none of it."""
    return dict.fromkeys(("PIP_CERT", "SSL_CERT_FILE"), "/lent-ca.crt") if os.environ.get("PIP_CERT") else {}


def debian(suite: str) -> Path:
    """A minimal Debian root of this suite, made once by debootstrap."""
    root = WORK / f"debian-{suite}"
    if not (root / ".whole").exists():
        apt = "\n".join(file.read_text() for file in Path("/etc/apt").rglob("*.sources"))
        apt += "\n".join(file.read_text() for file in Path("/etc/apt").rglob("*.list"))
        mirror = re.search(r"^(?:deb|URIs:)\s+(\S+/debian/?)(?:\s|$)", apt, re.MULTILINE)
        if mirror is None:
            raise SystemExit("apt has no Debian mirror configured")
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        subprocess.run(["debootstrap", "--variant=minbase", suite, root, mirror[1]], check=True, stdout=subprocess.DEVNULL)
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        shutil.copy("/etc/hosts", root / "etc/hosts")
        if os.environ.get("PIP_CERT"):
            shutil.copy(os.environ["PIP_CERT"], root / "lent-ca.crt")
        (root / ".whole").touch()
    return root


def unmount(root: Path) -> None:
    """Lets go of a root's /proc, so that the root can be removed."""
    if (root / "proc").is_mount():
        subprocess.run(["umount", root / "proc"], check=True)


def take(stage: Stage, name: str, rest: str, stages: dict[str, Stage]) -> None:
    """Carries out one instruction of a stage; raises SystemExit on one this script does not know."""
    match name:
        case "RUN":
            stage.run(rest)
        case "COPY":
            stage.copy(rest, stages)
        case "ENV":
            stage.env |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        case "WORKDIR":
            stage.folder = rest
            (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        case "USER":
            stage.user = rest
            accounts = [line.split(":") for line in (stage.root / "etc/passwd").read_text().splitlines()]
            stage.env["HOME"] = next(account[5] for account in accounts if account[0] == rest)
        case "ENTRYPOINT":
            stage.entrypoint = json.loads(rest)
        case "CMD":
            stage.command = json.loads(rest)
        case "HEALTHCHECK":
            stage.health = json.loads(rest[rest.index("[") :])
        case "VOLUME" | "EXPOSE":
            pass  # they tell the engine something and do nothing by themselves
        case _:
            raise SystemExit(f"{name} is not an instruction this script knows; teach it to tests/house/docker_steps.py")


def main() -> int:
    """Runs every step; 0 when the program of the last stage becomes healthy."""
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    try:
        for name, rest in instructions((CONTEXT / "Dockerfile").read_text()):
            print(f"{name} {rest}", flush=True)
            if name == "FROM":
                base, _, label = rest.partition(" AS ")
                stage = stages[label] = Stage(label, re.sub(r"debian:|-slim", "", base))
            elif stage is not None:
                take(stage, name, rest, stages)
        healthy = stage is not None and stage.healthy()
        print("1 passed, 0 failed" if healthy else "0 passed, 1 failed")
        return 0 if healthy else 1
    finally:
        for made in stages.values():
            unmount(made.root)


if __name__ == "__main__":
    sys.exit(main())
