#!/usr/bin/env python3
"""From a fresh download to a report, with nothing but Python: makes the locked environment, then hands over.

    python3 run.py demo          the demo study's data and the reports of all its waves
    python3 run.py lab           JupyterLab, with the notebooks
    python3 run.py test          the toolkit's own tests
    python3 run.py run --wave w2 anything else goes to belonging-study

Only the standard library is used. The environment goes to .venv/ beside this file; if uv is not installed, a private
copy of it goes to .uv/. Nothing else on the computer is changed, and git is not needed.
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OLDEST, NEWEST = (3, 11), (3, 13)


def main(arguments):
    """Make the environment and run what was asked for; returns the exit code."""
    if sys.version_info < OLDEST:
        return complain(
            "This needs Python %d.%d or newer; here is Python %d.%d." % (OLDEST + sys.version_info[:2]),  # noqa: UP031
            "install a newer Python from python.org, or run this file with it.",
        )
    if arguments[:1] in ([], ["-h"], ["--help"]):
        print(__doc__.strip())
        return 0
    uv = find_uv() or make_private_uv()
    if uv is None:
        return 2
    if not make_environment(uv):
        return 2
    return hand_over(arguments)


def find_uv():
    """The path of uv: the private copy, or the one that is installed."""
    import shutil

    private = program(HERE / ".uv", "uv")
    return str(private) if private.is_file() else shutil.which("uv")


def make_private_uv():
    """Install uv into .uv/, for this folder alone; None if that fails."""
    import venv

    print("Getting uv, which makes the environment ...", file=sys.stderr, flush=True)
    folder = HERE / ".uv"
    try:
        venv.create(folder, with_pip=True)
    except (OSError, subprocess.CalledProcessError):
        complain(
            "A private Python environment could not be made in .uv/.",
            "install uv (docs.astral.sh/uv), or on Debian and Ubuntu the package python3-venv, and try again.",
        )
        return None
    pip = [str(program(folder, "python")), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv>=0.8"]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode:
        complain_about_download("uv", done.stderr)
        return None
    return str(program(folder, "uv"))


def make_environment(uv):
    """Bring .venv/ to what uv.lock says; returns whether that went well."""
    is_new = not program(HERE / ".venv", "python").is_file()
    if is_new:
        print("Making the environment in .venv/ (once, about a minute) ...", file=sys.stderr, flush=True)
    command = [uv, "sync", "--frozen", "--quiet", "--project", str(HERE)]
    if is_new and sys.version_info[:2] <= NEWEST:
        command += ["--python", sys.executable]
    env = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        complain_about_download("the packages", done.stderr)
    return done.returncode == 0


def hand_over(arguments):
    """Run the command in the environment, with this process's terminal; returns its exit code."""
    first, rest = arguments[0], arguments[1:]
    python = str(program(HERE / ".venv", "python"))
    if first == "test":
        command, cwd = [python, "-m", "pytest", *(rest or ["-n", "auto"])], HERE
    elif first == "lab":
        command, cwd = [python, "-m", "jupyter", "lab", *rest], HERE
    else:
        command, cwd = [python, "-m", "belonging_study", *arguments], HERE if first == "demo" else None
    child = subprocess.Popen(command, cwd=cwd)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the child has it as well, and tidies up
            continue


def program(environment, name):
    """The path of a program in a virtual environment."""
    return environment / "Scripts" / (name + ".exe") if os.name == "nt" else environment / "bin" / name


def complain_about_download(what, details):
    """Say in plain words why an installation failed."""
    words = ("network", "dns", "resolve", "connect", "timed out", "timeout", "unreachable", "proxy", "versions: none")
    if any(word in details.lower() for word in words) and "no space" not in details.lower():
        reason = "The network did not answer, so %s could not be fetched." % what  # noqa: UP031
        remedy = "check the connection (or the proxy settings) and run the same command again."
    else:
        last = [line.strip() for line in details.splitlines() if line.strip()][-3:]
        reason = "Installing %s failed: %s" % (what, " ".join(last))  # noqa: UP031
        remedy = "mend that and run the same command again; deleting .venv/ and .uv/ starts afresh."
    return complain(reason, remedy)


def complain(reason, remedy):
    """Say what is wrong and what to do; returns the exit code for what a user can mend."""
    print("%s\nWhat to do: %s" % (reason, remedy), file=sys.stderr)  # noqa: UP031
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
