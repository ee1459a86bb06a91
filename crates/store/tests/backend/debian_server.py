"""ClickHouse servers of this machine (Debian's are of 2018): one, or replicas with their ZooKeeper.

Prints the ports of their HTTP interfaces when they are ready, and ends them when its standard input ends.
The argument is the number of servers.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

COUNT = int(sys.argv[1])
FOLDER = tempfile.mkdtemp(prefix="tlsight-clickhouse-")
KEY = os.environ.get("TLSIGHT_TEST_KEY", "")
PATIENCE = 60

USERS = f"""<yandex>
 <profiles><default/></profiles>
 <users><default><password>{KEY}</password><networks><ip>::/0</ip></networks>
  <profile>default</profile><quota>default</quota></default></users>
 <quotas><default><interval><duration>3600</duration><queries>0</queries><errors>0</errors>
  <result_rows>0</result_rows><read_rows>0</read_rows><execution_time>0</execution_time>
 </interval></default></quotas>
</yandex>"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start_keeper():
    (port,) = free_ports(1)
    folder = os.path.join(FOLDER, "zookeeper")
    os.makedirs(folder)
    config = os.path.join(folder, "zoo.cfg")
    with open(config, "w") as file:
        file.write(
            f"tickTime=2000\ndataDir={folder}\nclientPort={port}\nclientPortAddress=127.0.0.1\n"
            "admin.enableServer=false\n4lw.commands.whitelist=srvr\n"
        )
    jars = ":".join(
        os.path.join("/usr/share/java", name) for name in os.listdir("/usr/share/java") if name.endswith(".jar")
    )
    process = subprocess.Popen(
        ["java", "-cp", jars, "org.apache.zookeeper.server.ZooKeeperServerMain", config],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        start_new_session=True,
    )
    wait(lambda: ask_keeper(port))
    return process, port


def ask_keeper(port):
    """Fails unless the keeper serves: servers of 2018 crash if it only listens."""
    with socket.create_connection(("127.0.0.1", port), 1) as connection:
        connection.sendall(b"srvr")
        if b"Mode:" not in connection.makefile("rb").read():
            raise OSError("not yet")


def replicas(servers, keeper):
    members = "".join(
        f"<replica><host>127.0.0.1</host><port>{tcp}</port><user>default</user><password>{KEY}</password></replica>"
        for _, tcp, _ in servers
    )
    return f"""
 <zookeeper><node><host>127.0.0.1</host><port>{keeper}</port></node></zookeeper>
 <remote_servers><tests><shard><internal_replication>true</internal_replication>{members}</shard></tests></remote_servers>
 <distributed_ddl><path>/clickhouse/task_queue/ddl</path></distributed_ddl>"""


def start_server(number, ports, cluster):
    http, tcp, between = ports
    folder = os.path.join(FOLDER, str(number))
    os.makedirs(folder)
    with open(os.path.join(folder, "users.xml"), "w") as file:
        file.write(USERS)
    config = os.path.join(folder, "config.xml")
    with open(config, "w") as file:
        file.write(
            f"""<yandex>
 <logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>
 <http_port>{http}</http_port><tcp_port>{tcp}</tcp_port>
 <interserver_http_port>{between}</interserver_http_port><interserver_http_host>127.0.0.1</interserver_http_host>
 <listen_host>127.0.0.1</listen_host>
 <path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path>
 <users_config>{folder}/users.xml</users_config>
 <default_profile>default</default_profile><default_database>default</default_database>
 <mark_cache_size>268435456</mark_cache_size><max_concurrent_queries>100</max_concurrent_queries>
 <macros><shard>1</shard><replica>{number}</replica></macros>{cluster}
</yandex>"""
        )
    return subprocess.Popen(
        ["clickhouse-server", f"--config-file={config}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        start_new_session=True,
    )


def ask(port, query):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", query.encode(), {"X-ClickHouse-Key": KEY})
    request.add_header("X-ClickHouse-User", "default")
    urllib.request.urlopen(request, timeout=5).read()


def wait(attempt):
    began = time.monotonic()
    while True:
        try:
            return attempt()
        except OSError:
            if time.monotonic() - began > PATIENCE:
                raise
            time.sleep(0.05)


def main():
    processes = []
    try:
        cluster = ""
        servers = [free_ports(3) for _ in range(COUNT)]
        if COUNT > 1:
            keeper, port = start_keeper()
            processes.append(keeper)
            cluster = replicas(servers, port)
        pids = []
        for number, ports in enumerate(servers):
            process = start_server(number, ports, cluster)
            processes.append(process)
            wait(lambda: ask(ports[0], "SELECT 1"))
            if cluster:
                # It looks for its keeper when it starts, and what comes before it has found it may end it.
                wait(lambda: ask(ports[0], "SELECT 1 FROM system.zookeeper WHERE path = '/clickhouse/task_queue/ddl'"))
            pids.append(process.pid)
        # Whoever asks may end one of them.
        print(" ".join(f"{ports[0]}:{pid}" for ports, pid in zip(servers, pids)), flush=True)
        sys.stdin.read()
    finally:
        for process in processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
        shutil.rmtree(FOLDER, ignore_errors=True)


main()
