"""What all pods of a cluster share: the network, the node's binary, the manifest, the rules, the DNS settings."""

import os
import time

from cluster.network import middle_host

namespace = "default"
domain = f"{namespace}.svc.cluster.local"


class Place:
    """`directory`: everything written goes below it. `limit`: (requests, window in seconds) of each principal."""

    def __init__(self, network, directory, binary, template, limit, more_environment):
        self.network, self.directory, self.binary, self.template = network, directory, binary, template
        self.more_environment = more_environment
        self.config_path = os.path.join(directory, "config")
        self.resolv_conf = os.path.join(directory, "resolv.conf")
        os.mkdir(self.config_path)
        self._write("config/rules.yaml", rules_text(*limit))
        self._write("resolv.conf", f"search {domain} svc.cluster.local cluster.local\n"
                                   f"nameserver {network.host(middle_host)}\noptions ndots:5\n")

    def _write(self, name, text):
        with open(os.path.join(self.directory, name), "w", encoding="ascii") as file:
            file.write(text)


limited_rule, ledger_rule = "limited", "ledger"
ledger_days = (366, 365, 364)   # windows are aligned to the epoch: the one that lasts longest from now is taken


def rules_text(requests, window_s):
    """The limit under test, and a ledger: a limit that is never reached, so that what the nodes have counted can be read
    at any time and compared with what clients saw pass."""
    days = max(ledger_days, key=lambda each: each * 86400 - time.time() % (each * 86400))
    return (f'rules:\n  - name: {limited_rule}\n    match: {{principal: "*"}}\n'
            f"    limits: [{{requests: {requests}, per: {window_s}s}}]\n"
            f'  - name: {ledger_rule}\n    match: {{principal: "*"}}\n'
            f"    limits: [{{requests: 4000000000, per: {days}d}}]\n")
