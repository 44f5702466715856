"""Where the records come from: projects, their files, how records are read from them, and what the projects expect of the records."""
import ast, fnmatch, gzip, json, os, re, subprocess


def git(repo, *args):
    return subprocess.run(["git", "-C", repo, *args], check=True, capture_output=True).stdout


class Project:
    """A clone of a public project, at the commit that it has."""

    def __init__(self, name, repos, temp):
        self.name = name
        for path in (os.path.join(repos or "", name), os.path.join(repos or "", name.replace("/", "+"), "repo")):
            if repos and os.path.isdir(path):
                self.path = path
                break
        else:
            self.path = os.path.join(temp, name.replace("/", "+"))
            subprocess.run(["git", "clone", "--quiet", "--depth", "1", "--bare", "--filter=blob:none", "https://github.com/" + name, self.path], check=True)
        self.commit = git(self.path, "rev-parse", "HEAD").decode().split()[0]

    def files(self, pattern):
        names = git(self.path, "ls-tree", "-r", "--name-only", "-z", self.commit).decode().split("\0")
        return [n for n in names if any(fnmatch.fnmatchcase(n, p) for p in pattern.split("|"))]

    def content(self, name):
        """What is in a file; nothing for a file of 4 MiB and more, which clones can lack."""
        blob = git(self.path, "rev-parse", self.commit + ":" + name).decode().strip()
        size = subprocess.run(["git", "-C", self.path, "cat-file", "-s", blob], capture_output=True)
        return git(self.path, "cat-file", "blob", blob) if size.returncode == 0 and int(size.stdout) < 4 << 20 else b""


def decoded(read):
    """A reader of text."""
    return lambda content: read(content.decode("utf-8", "replace"))


# How to find records in a file. Each gives pairs: the record, and what the project expects of it.


def intake(text):
    """A test of SEKOIA.IO's intake formats: the record, and the fields of ECS that it becomes."""
    test = json.loads(text)
    return [(test["input"]["message"], test.get("expected", {}))]


def lines(text):
    """Lines of a log, of which the project expects nothing."""
    return [(line, {}) for line in text.splitlines() if line.strip()]


def ciscolog(text):
    """Messages of a Cisco ASA in a file of another format, from the percent sign on."""
    return [(m.rstrip(), {}) for m in re.findall(r"%(?:ASA|FTD)-\d-\d+:? .*", text)]


def texts(text):
    """Texts of a test in Java."""
    return [(t.encode().decode("unicode_escape"), {}) for t in re.findall(r'"((?:[^"\\\n]|\\.)*)"', text)]


def events(text):
    """GuardDuty findings in JSON: as they are, or as EventBridge sends them (detail)."""
    doc = lower(json.loads(text))
    finding = doc.get("detail", doc)
    if len(finding.get("accountId", "")) > 12:  # a placeholder with a digit too many
        finding["accountId"] = finding["accountId"][:12]
    return [(json.dumps(finding), {})]


def dictionaries(text):
    """Dictionaries of literals in a program in Python."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Dict):
            try:
                yield ast.literal_eval(node)
            except (ValueError, TypeError):
                pass


def literals(text):
    """GuardDuty findings in dictionaries of Python."""
    return [(json.dumps(lower(d), default=str), {}) for d in dictionaries(text) if {"Id", "Type", "Severity"} <= d.keys()]


def events_of_ocsf(text):
    """Events of AppFabric in dictionaries of Python."""
    return [(json.dumps(d), d) for d in dictionaries(text) if {"class_uid", "metadata"} <= d.keys()]


def output(text):
    """GuardDuty findings in the documentation of the AWS CLI."""
    found = []
    for part in re.findall(r"Output::\s*\n\s*\n((?:    .*\n|\s*\n)+)", text):
        doc = json.loads(part)
        found += [(json.dumps(lower(f)), {}) for f in doc.get("Findings", [])]
    return found


def lower(value):
    """The names of GuardDuty's API as the export to S3 writes them."""
    if isinstance(value, dict):
        return {k[:1].lower() + k[1:]: lower(v) for k, v in value.items()}
    if isinstance(value, list):
        return [lower(v) for v in value]
    return value


def objects(text):
    """Events of Suricata of the kinds that Network Firewall writes, and as it writes them: JSON objects anywhere in a text."""
    found, at, decoder = [], text.find("{"), json.JSONDecoder()
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            at = text.find("{", at + 1)
            continue
        event = value.get("event", value) if isinstance(value, dict) else None
        if isinstance(event, dict) and "src_ip" in event and "timestamp" in event and event.get("event_type", "tls") in ("alert", "netflow", "tls"):
            if "firewall_name" not in value:
                value = {"firewall_name": "firewall-1", "availability_zone": "us-east-1a", "event_timestamp": "0", "event": value}
            found.append((json.dumps(value), {}))
        at = text.find("{", end)
    return found


def messages(text):
    """Events of Suricata in a test of SEKOIA.IO's intake formats."""
    return objects(json.loads(text)["input"]["message"])


def accesslog(text):
    """Lines of an access log of a load balancer, also in strings of a program."""
    found = []
    for start in re.finditer(r"(?:http|https|h2|grpcs|ws|wss) \d{4}-\d\d-\d\dT[\d:.]+Z app/", text):
        line, before = text[start.start():].split("\n")[0], text[max(0, start.start() - 3):start.start()]
        if before.endswith('#"'):
            line = line.split('"#')[0]
        elif before.endswith(("`", "'")):
            line = line.split(before[-1])[0].split("\\n")[0]
        elif before.endswith('"'):
            line = re.match(r'(?:[^"\\]|\\.)*', line)[0].replace('\\"', '"')
        found.append((line, {}))
    return found


def objectlog(content):
    """An object of access logs."""
    return accesslog(gzip.decompress(content).decode())


def ocsf(text):
    """Events of AppFabric: one JSON object, or one a line. The templates have a placeholder instead of the time."""
    found, at, decoder = [], 0, json.JSONDecoder()
    while (at := text.find("{", at)) >= 0:
        value, at = decoder.raw_decode(text, at)
        if value.get("time") == "{timestamp}":
            value["time"] = 1700000000123
        found.append((json.dumps(value), value))
    return found
