"""Records cases: record.py WORK TESTDATA [CASE...]. Called by make.sh, which lays the network."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import cases_legacy
import cases_quic
import cases_secrets
import cases_starttls
import cases_tls
import capture_file

CASES = cases_tls.CASES + cases_legacy.CASES + cases_starttls.CASES + cases_quic.CASES + cases_secrets.CASES

VERSIONS = {
    r"\bopenssl ": "openssl version | cut -d'(' -f1",
    r"\bgnutls-": "gnutls-cli --version | head -1",
    r"\bcurl ": "curl --version | head -1",
    r"\bnginx ": "nginx -v 2>&1",
    r"\bchromium ": "chromium --version 2>/dev/null",
    r"\bnode ": "node -p '`node ${process.version} (OpenSSL ${process.versions.openssl})`'",
    r"\bmariadb": "mariadb --version",
    r"\b(psql|postgres) ": "psql --version",
    r"\bslapd ": "slapd -VV 2>&1 | sed -n 's/^@(#) \\$OpenLDAP: //p'",
    r"quic\.py": "python -c 'import aioquic; print(\"aioquic\", aioquic.__version__)'",
    r"tlslite_": "python -c 'import tlslite; print(\"tlslite-ng\", tlslite.__version__)'",
    r"\bjava ": "java -version 2>&1 | head -1",
    r"\bhostapd ": "hostapd -v 2>&1 | head -1; wpa_supplicant -v | head -1",
    r"\bdtls13 ": "cargo tree --manifest-path $MAKE/dtls13/Cargo.toml --depth 1 --prefix none | grep ^dimpl | cut -d' ' -f1,2",
    r"modern_openssl\.py": "python -c 'from OpenSSL import SSL; print(SSL.SSLeay_version(0).decode())'",
    r"starttls_|socks|tls_client\.py|proxy\.py|downgrade\.py":
        "python -c 'import sys, ssl; print(\"Python\", sys.version.split()[0], \"with\", ssl.OPENSSL_VERSION)'",
}


def main():
    work, testdata, wanted = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    os.environ["MAKE"] = str(testdata / "make")
    os.environ["WORK"] = str(work)
    failures = []
    for case in CASES:
        if wanted and case.name not in wanted:
            continue
        try:
            record(case, work, testdata / case.name)
        except Exception as error:
            failures.append(case.name)
            print(f"{case.name}: {error}")
    if failures:
        sys.exit(f"record.py: not recorded: {', '.join(failures)}")


def record(case, work, folder):
    log = (work / "logs" / f"{case.name}.log")
    log.parent.mkdir(exist_ok=True)
    raw = work / "raw.pcap"
    keys = {"KEYS": work / "keys.log", "RSA_KEY": work / "rsa.key"}
    for name, path in keys.items():
        path.unlink(missing_ok=True)
        os.environ[name] = str(path)
    with open(log, "w") as output:
        if case.setup:
            run("server", case.setup, work, output).wait(timeout=60)
        servers = [run("server", command, work, output) for command in case.servers]
        try:
            for port in case.ports:
                wait_for(port)
            recorder = start_recorder(raw)
            for command in case.clients:
                client = run("client", command, work, output)
                try:
                    client.wait(timeout=case.timeout)
                except subprocess.TimeoutExpired:
                    stop(client)
                time.sleep(0.1)
            time.sleep(0.2)
            stop(recorder)
        finally:
            for server in servers:
                stop(server)
            if case.teardown:
                run("server", case.teardown, work, output).wait(timeout=60)
    packets = capture_file.read(raw)
    packets = case.edit(packets) if case.edit else packets
    if not packets:
        raise ValueError(f"no packets, see {log}")
    folder.mkdir(exist_ok=True)
    capture_file.write(folder / "input.pcap", packets)
    for path in keys.values():
        if path.exists() and path.stat().st_size > 0:
            (folder / path.name).write_bytes(path.read_bytes())
    write_readme(case, folder)
    print(f"{case.name}: {len(packets)} packets, {(folder / 'input.pcap').stat().st_size} bytes")


def run(side, command, work, output):
    return subprocess.Popen(
        ["ip", "netns", "exec", f"tlsight-{side}", "bash", "-c", command],
        cwd=work / "certificates", stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        start_new_session=True)


def stop(process):
    if process.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=5)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def start_recorder(raw):
    recorder = subprocess.Popen(
        ["ip", "netns", "exec", "tlsight-server", "tcpdump", "-i", "veth0", "-U", "--immediate-mode",
         "-s", "0", "-w", str(raw), "not arp and not icmp and not icmp6 and not (ip6 and ip6[6] == 0)"],
        stderr=subprocess.PIPE, text=True, start_new_session=True)
    for line in recorder.stderr:
        if "listening on" in line:
            return recorder
    raise RuntimeError("tcpdump did not start")


def wait_for(port):
    """Waits until a port such as `tcp/443` is open, without sending a packet to it."""
    kind, number = port.split("/")
    for _ in range(150):
        table = subprocess.run(
            ["ip", "netns", "exec", "tlsight-server", "ss", "-Hln", f"--{kind}", f"sport = :{number}"],
            capture_output=True, text=True)
        if table.stdout.strip():
            return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens on {port}")


def write_readme(case, folder):
    commands = [case.setup, *case.servers, *case.clients]
    text = "\n".join(filter(None, commands))
    versions = [
        subprocess.run(["bash", "-c", query], capture_output=True, text=True).stdout.strip()
        for pattern, query in VERSIONS.items() if re.search(pattern, text)
    ]
    lines = [f"# {case.name}", "", case.title, ""]
    lines += ["Recorded by `testdata/make.sh` with tcpdump on a veth pair between two network "
              "namespaces of Debian 12 (client 192.0.2.1, 2001:db8::1; server 192.0.2.2, 2001:db8::2). "
              "Names end in `.test`; the keys were made for this recording.", ""]
    if case.note:
        lines += [case.note, ""]
    lines += ["Server:", "", *indent([case.setup] if case.setup else []), *indent(case.servers), "",
              "Client:", "", *indent(case.clients), ""]
    lines += [f"Versions: {'; '.join(versions)}.", "", "Licence: Apache-2.0, as the project.", ""]
    (folder / "README.md").write_text("\n".join(lines))


def indent(commands):
    return ["    " + line.rstrip() for command in commands for line in command.strip().splitlines()]


if __name__ == "__main__":
    main()
