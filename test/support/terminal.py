# Runs a command on a pseudo-terminal: python3 terminal.py SCRIPT_JSON command args…
# The script is a list of [wait-for, type] pairs. Everything that the terminal showed goes to standard output.
import json, os, pty, select, signal, sys, time

steps = json.loads(sys.argv[1])
pid, master = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])

shown = b""
seen = 0
deadline = time.monotonic() + 25
while time.monotonic() < deadline:
    ready, _, _ = select.select([master], [], [], 0.1)
    if ready:
        try:
            chunk = os.read(master, 65536)
        except OSError:
            chunk = b""
        if not chunk:
            break
        shown += chunk
        sys.stdout.buffer.write(chunk)
        sys.stdout.flush()
    while steps and steps[0][0].encode() in shown[seen:]:
        seen = shown.index(steps[0][0].encode(), seen) + len(steps[0][0].encode())
        os.write(master, steps[0][1].encode())
        steps.pop(0)
else:
    os.kill(pid, signal.SIGKILL)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) % 256)
