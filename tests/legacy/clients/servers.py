# SPDX-License-Identifier: BSL-1.0
"""Servers from the distribution's packages, for tests: on the loopback, on free ports, in throw-away
folders, and as an unprivileged user when run by root. What was started is stopped by its pid.

    with Servers(["postgresql", "nginx"]) as servers:
        subprocess.run(program, env={**os.environ, **servers.environment})

Missing is raised, with the reason, when a program is not installed.
"""
import ctypes
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from slow_names import SlowNames

READY_SECONDS = 60


class Missing(Exception):
    pass


def find(program, *patterns):
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    for pattern in patterns:
        candidates = sorted(glob.glob(pattern))
        if candidates:
            found = candidates[-1]  # the newest version
    if not found:
        raise Missing(f"{program} is not installed")
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Servers:
    """The named servers, running. `environment` tells where they are."""

    def __init__(self, names, helper=""):
        self.names = names
        self.helper = helper  # the program of start_helper()
        self.processes = []
        self.name_servers = []
        self.environment = {}
        # Not nobody, whose account sshd may find to be locked.
        self.user = "daemon" if os.geteuid() == 0 else None
        self.folder = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="coir-servers-")
        self.give_to_user(self.folder)
        os.chmod(self.folder, 0o755)
        self.environment["COIR_CLIENT_FOLDER"] = self.make_folder("client")
        try:
            for name in self.names:
                getattr(self, "start_" + name)()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGINT if "postgres" in process.args[0] else signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []
        for server in self.name_servers:
            server.stop()
        self.name_servers = []
        shutil.rmtree(self.folder, ignore_errors=True)

    def give_to_user(self, path):
        if self.user:
            entry = pwd.getpwnam(self.user)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def make_folder(self, name):
        path = os.path.join(self.folder, name)
        os.mkdir(path, 0o700)
        self.give_to_user(path)
        return path

    def as_user(self):
        options = {"cwd": self.folder, "stdin": subprocess.DEVNULL,
                   "env": {**os.environ, "HOME": self.folder, "LC_ALL": "C"}}
        if self.user:
            options.update(user=self.user, group=pwd.getpwnam(self.user).pw_gid, extra_groups=[])
        return options

    def as_user_for(self, program):
        """As the unprivileged user if that one can run the program, which is where we were built."""
        options = self.as_user()
        if self.user and subprocess.run(["test", "-x", program], **options).returncode != 0:
            for key in ("user", "group", "extra_groups"):
                del options[key]
        return options

    def run(self, *command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, **self.as_user())
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout}")

    def start(self, port, *command):
        log_name = os.path.join(self.folder, os.path.basename(command[0]) + ".log")
        with open(log_name, "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True,
                                       preexec_fn=die_with_parent, **self.as_user_for(command[0]))
        self.processes.append(process)
        deadline = time.monotonic() + READY_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        with open(log_name, errors="replace") as log:
            raise RuntimeError(f"{command[0]} does not answer:\n{log.read()[-3000:]}")

    def certificate(self):
        """A key and a certificate for localhost that vouches for itself, made once."""
        key = os.path.join(self.folder, "server.key")
        certificate = os.path.join(self.folder, "server.crt")
        if not os.path.exists(certificate):
            self.run(find("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                     "-keyout", key, "-out", certificate, "-subj", "/CN=localhost",
                     "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
            os.chmod(key, 0o600)
            os.chmod(certificate, 0o644)
            self.environment["COIR_CERTIFICATE"] = certificate
        return key, certificate

    def start_postgresql(self):
        initdb = find("initdb", "/usr/lib/postgresql/*/bin/initdb")
        postgres = find("postgres", "/usr/lib/postgresql/*/bin/postgres")
        key, certificate = self.certificate()
        data = os.path.join(self.folder, "postgresql")
        self.run(initdb, "-D", data, "-U", "coir", "-A", "trust", "--no-sync", "-E", "UTF8")
        port = free_port()
        settings = {"listen_addresses": "127.0.0.1", "port": port, "max_connections": 300,
                    "unix_socket_directories": self.folder, "fsync": "off", "ssl": "on",
                    "ssl_cert_file": certificate, "ssl_key_file": key}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.start(port, postgres, "-D", data, *options)
        self.environment["COIR_POSTGRESQL_PORT"] = str(port)
        self.wait_until_postgresql_serves(find("pg_isready", "/usr/lib/postgresql/*/bin/pg_isready"), port)

    def wait_until_postgresql_serves(self, pg_isready, port):
        deadline = time.monotonic() + READY_SECONDS
        while subprocess.run([pg_isready, "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode != 0:
            if time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL does not become ready")
            time.sleep(0.05)

    def start_redis(self):
        port = free_port()
        self.start(port, find("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save",
                   "", "--appendonly", "no", "--dir", self.folder, "--maxclients", "4000",
                   "--tcp-backlog", "2048")
        self.environment["COIR_REDIS_PORT"] = str(port)

    def start_nginx(self):
        nginx = find("nginx")
        echo = find("ngx_http_echo_module.so", "/usr/lib/nginx/modules/ngx_http_echo_module.so",
                    "/usr/lib/*/nginx/modules/ngx_http_echo_module.so")
        key, certificate = self.certificate()
        folder = self.make_folder("nginx")
        plain, secure = free_port(), free_port()
        temporary = "\n".join(f"  {kind}_temp_path {folder}/{kind};"
                              for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        configuration = os.path.join(folder, "nginx.conf")
        with open(configuration, "w") as file:
            file.write(f"""
load_module {echo};
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 8000; }}
http {{
{temporary}
  access_log off;
  server {{
    listen 127.0.0.1:{plain} backlog=4000;
    listen 127.0.0.1:{secure} ssl http2 backlog=4000;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    location = /hello {{ default_type text/plain; return 200 "Hello, world!"; }}
    location ~ ^/([0-9]+)$ {{ default_type text/plain; echo_sleep 0.1; echo -n "page $1"; }}
  }}
}}
""")
        os.chmod(configuration, 0o644)
        self.start(plain, nginx, "-p", folder, "-e", f"{folder}/error.log", "-c", configuration)
        self.environment["COIR_HTTP_PORT"] = str(plain)
        self.environment["COIR_HTTPS_PORT"] = str(secure)

    def start_mariadb(self):
        install = find("mariadb-install-db")
        server = find("mariadbd")
        data = os.path.join(self.folder, "mariadb")
        self.run(install, "--no-defaults", "--auth-root-authentication-method=normal",
                 f"--datadir={data}", "--skip-test-db")
        port = free_port()
        self.start(port, server, "--no-defaults", f"--datadir={data}", f"--port={port}",
                   "--bind-address=127.0.0.1", f"--socket={self.folder}/mariadb.sock",
                   f"--pid-file={self.folder}/mariadb.pid", "--max-connections=500",
                   "--back-log=500", "--skip-name-resolve")
        self.environment["COIR_MARIADB_PORT"] = str(port)

    def start_memcached(self):
        port = free_port()
        self.start(port, find("memcached"), "-p", str(port), "-l", "127.0.0.1", "-c", "4000", "-b",
                   "4000", "-U", "0")
        self.environment["COIR_MEMCACHED_PORT"] = str(port)

    def start_sshd(self):
        """For sessions of the user that it runs as, and only to pass connections on."""
        sshd = find("sshd")
        folder = self.make_folder("sshd")
        for key in ("host", "client"):
            self.run(find("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{key}")
        port = free_port()
        configuration = os.path.join(folder, "config")
        with open(configuration, "w") as file:
            file.write(f"""
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/client.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowTcpForwarding yes
MaxStartups 500
LogLevel VERBOSE
""")
        os.chmod(configuration, 0o644)
        self.start(port, sshd, "-D", "-e", "-f", configuration)
        self.environment["COIR_SSH_PORT"] = str(port)
        self.environment["COIR_SSH_USER"] = self.user or pwd.getpwuid(os.geteuid()).pw_name
        self.environment["COIR_SSH_KEY"] = f"{folder}/client"

    def start_helper(self):
        port = free_port()
        self.start(port, self.helper, str(port))
        self.environment["COIR_HELPER_PORT"] = str(port)

    def start_dns(self):
        self.name_servers.append(SlowNames(0))
        self.environment["COIR_DNS_PORT"] = str(self.name_servers[-1].port)

    def start_slow_names(self):
        """The same, for libc's resolver: see isolation.py."""
        self.name_servers.append(SlowNames(53))
