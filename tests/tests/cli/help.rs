//! Help texts and arguments that are not understood.

use crate::sekisho;

#[test]
fn help() {
    insta::assert_snapshot!(sekisho(&["--help"]).whole(), @r"
    exit status: 0
    ----- stdout -----
    Watches only what an independent body approved; records who spoke with whom, when and how much,
    never what was said

    Usage: sekisho <COMMAND>

    Commands:
      run        Watch interfaces and write records as JSON lines
      replay     Run a capture file through the same program and print the same records
      init       Set up the state folder of a sensor
      check      Look at interfaces before watching them, and say what to do
      territory  Build the table of which addresses are domestic and foreign, or ask it
      feed       Keep feeds of indicators, and say what of them would be watched
      flows      Show what the store has of flows, filtered, sorted and summed
      explain    Say what would become of a packet, and why, without touching the kernel
      approval   Draft, verify and show approvals; list them as the kernel has them, or as papers say
      request    Draft, show or check a request: what is asked for, and why
      consent    Draft an operator's consent to watching its own prefixes, or its withdrawal
      revoke     Draft what ends an approval or a consent
      stop       Draft what stops all recording
      lift       Draft what ends a stop
      finding    Draft what an inspector found, the answer, or that it is closed
      standing   Draft an overseer's word that everything still stands
      exclusion  Draft prefixes that are never recorded
      keyring    Draft, show or check a keyring: whose keys count
      policy     Draft, show or check a policy: what an approval may be
      sign-help  Print the line with which somebody signs a document
      config     Check or show a configuration file, or print its schema
      detach     Remove what sensors that died left in the kernel, without reading it
      help       Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Exit status:
       0  done
       1  failed otherwise; the message says how
       2  arguments not understood
       3  refused: no approval, or lab mode not allowed here
       4  not permitted: needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON
       5  no such interface
       6  interface cannot be attached to
       7  feed cannot be read
       8  feed has no indicators
       9  feed is no list of addresses
      10  capture cannot be read
      11  check: at least one check failed
      12  output cannot be written
      13  territory, exclusions or operators cannot be used
      14  clock: not synchronised, set back, or another time namespace
      15  another sensor is running
      16  pins or snapshot cannot be used, or there are none
      17  state folder cannot be used, or there is none
      18  papers refused or cannot be read; what is printed says which and why
      19  feed pull: a feed could not be fetched or read; its last good copy stays
      20  feed pull: a feed is held back until it is confirmed
      21  keys for pseudonyms cannot be used
      22  the store of records cannot be used, or does not take what is left
    ----- stderr -----
    ");
}

#[test]
fn help_of_run() {
    insta::assert_snapshot!(sekisho(&["run", "--help"]).whole(), @r"
    exit status: 0
    ----- stdout -----
    Watch interfaces and write records as JSON lines

    Usage: sekisho run [OPTIONS] --interface <NAME>

    Options:
          --config <FILE>             File with settings; a flag or an environment variable such as
                                      SEKISHO_RUN_TICK counts before it [default:
                                      /etc/sekisho/sekisho.toml, where there is one]
          --interface <NAME>          Interface to watch; give it again for each further one
          --feed <FILE>               In lab, list of addresses and prefixes to watch for; give it again
                                      for each further one
          --state <DIR>               State folder of a real sensor: its papers say what may be recorded
          --feeds <DIR>               With --state, folder of feeds ('sekisho feed'): what they took
                                      back is not recorded
          --lab                       Try the sensor without approvals; every output is marked
          --state-dir <DIR>           State folder beside which lab mode is refused when it is a real
                                      sensor's [default: /var/lib/sekisho]
          --territory <FILE>          Territory: which addresses are domestic, foreign or unknown
          --exclude <FILE>            List of prefixes never recorded; give it again for each further
                                      one
          --operator <NAME=CIDR>      An operator's own prefix; give it again for each further one
          --generic                   Attach in the network stack where the driver has no native XDP
          --output <FILE>             Write records to the end of a file instead of standard output
          --duration <SECONDS>        End after so many seconds; lab mode ends after an hour in any case
          --idle-timeout <SECONDS>    Seconds without a packet after which a flow is written [default:
                                      15]
          --active-timeout <SECONDS>  Seconds after which a flow that goes on is written [default: 60]
          --lease <SECONDS>           Seconds for which recording goes on when the agent hangs or dies
                                      [default: 20]
          --tick <MS>                 Milliseconds between two readings of the kernel [default: 200]
          --flow-capacity <N>         Flows that the kernel holds for each CPU between two readings;
                                      more give way to others and are handed over early [default: 65536]
          --ring-size <KIB>           KiB of the ring buffer that they are handed over through, a power
                                      of two; what finds no room there is counted as lost [default:
                                      8192]
          --pin-dir <DIR>             Folder on a BPF file system for what outlives a dead agent: link,
                                      program and maps [default: /sys/fs/bpf/sekisho]
          --pseudonym-keys <DIR>      Folder with the keys for pseudonyms of domestic addresses, one for
                                      each approval; in lab the keys are those of one run, unless one is
                                      given [default: /var/lib/sekisho-keys]
          --store <DIR>               Folder for the store of records; in lab there is none, unless one
                                      is given [default: records in the state folder]
          --exporter <KEY=VALUE,...>  Where else records go, and who receives them there, such as
                                      format=eve,to=file:/var/log/sekisho/eve.json,recipient=carrier
                                      (formats: eve, ipfix, syslog, stix; to: file, udp, tcp, unix);
                                      give it again for each further one
          --metrics <ADDRESS:PORT>    Address and port for metrics, such as 127.0.0.1:9187
          --metrics-anywhere          Let others than this machine read the metrics
          --runtime-dir <DIR>         Folder for snapshots of what is loaded [default: /run/sekisho]
      -h, --help                      Print help
    ----- stderr -----
    ");
}

#[test]
fn help_of_replay() {
    insta::assert_snapshot!(sekisho(&["replay", "--help"]).whole(), @r"
    exit status: 0
    ----- stdout -----
    Run a capture file through the same program and print the same records

    Usage: sekisho replay [OPTIONS] <CAPTURE>

    Arguments:
      <CAPTURE>  Capture file, pcap or pcapng, which may be compressed with gzip or zstd

    Options:
          --interface <NAME>          With --state, name of the interface that all packets came through,
                                      whatever the file says
          --feed <FILE>               In lab, list of addresses and prefixes to watch for; give it again
                                      for each further one
          --watch <CIDR>              In lab, address or prefix to watch for, of any length; give it
                                      again for each further one
          --state <DIR>               State folder of a real sensor: its papers say what may be recorded
          --feeds <DIR>               With --state, folder of feeds ('sekisho feed'): what they took
                                      back is not recorded
          --lab                       Try the sensor without approvals; every output is marked
          --state-dir <DIR>           State folder beside which lab mode is refused when it is a real
                                      sensor's [default: /var/lib/sekisho]
          --territory <FILE>          Territory: which addresses are domestic, foreign or unknown
          --exclude <FILE>            List of prefixes never recorded; give it again for each further
                                      one
          --operator <NAME=CIDR>      An operator's own prefix; give it again for each further one
          --json                      Print JSON lines instead of a table
          --output <FILE>             Write to a new file instead of standard output
          --idle-timeout <SECONDS>    Seconds of the file's time without a packet after which a flow
                                      ends; off unless given
          --active-timeout <SECONDS>  Seconds of the file's time after which a flow that goes on is
                                      split; off unless given
      -h, --help                      Print help
    ----- stderr -----
    ");
}

#[test]
fn help_of_init() {
    insta::assert_snapshot!(sekisho(&["init", "--help"]).whole(), @r"
    exit status: 0
    ----- stdout -----
    Set up the state folder of a sensor

    Usage: sekisho init [OPTIONS] --root <SHA256> --log-key <FILE>

    Options:
          --root <SHA256>   SHA-256 of the first keyring, 64 digits: the sensor trusts whom that names,
                            and no other
          --log-key <FILE>  Public key of the sensor's log, the file .pub; only its fingerprint is kept
          --state <DIR>     Folder to make [default: /var/lib/sekisho]
      -h, --help            Print help
    ----- stderr -----
    ");
}

#[test]
fn help_of_check() {
    insta::assert_snapshot!(sekisho(&["check", "--help"]).whole(), @r"
    exit status: 0
    ----- stdout -----
    Look at interfaces before watching them, and say what to do

    Usage: sekisho check [OPTIONS] --interface <NAME>

    Options:
          --interface <NAME>  Interface to look at; give it again for each further one
          --seconds <N>       Seconds to watch the packet counters [default: 2]
          --json              Print JSON instead of a table
      -h, --help              Print help
    ----- stderr -----
    ");
}

#[test]
fn help_of_territory() {
    insta::assert_snapshot!(sekisho(&["territory", "--help"]).whole(), @r"
    exit status: 0
    ----- stdout -----
    Build the table of which addresses are domestic and foreign, or ask it

    Usage: sekisho territory <COMMAND>

    Commands:
      build    Build a numbered table from registries' statistics, lists and corrections
      explain  Say where addresses lie, and which rule placed them
      help     Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help
    ----- stderr -----
    ");
}

#[test]
fn help_of_territory_build() {
    insta::assert_snapshot!(sekisho(&["territory", "build", "--help"]).whole(), @r"
    exit status: 0
    ----- stdout -----
    Build a numbered table from registries' statistics, lists and corrections

    Usage: sekisho territory build [OPTIONS] --number <N> --domestic <CC> --output <FILE>

    Options:
          --number <N>          Number of the territory: one more than of the one before
          --date <YYYY-MM-DD>   Day that the facts are of, from which the age of the territory counts;
                                without it, the earliest of the statistics
          --domestic <CC>       Domestic countries, by their codes in ISO 3166-1
          --delegated <FILE>    Statistics of a regional registry, delegated or delegated-extended; give
                                it again for each further one
          --cidr <PLACE=FILE>   List of prefixes that are all domestic or all foreign; give it again for
                                each further one
          --corrections <FILE>  Corrections, a PREFIX and a PLACE a line; give it again for each further
                                one
          --output <FILE>       Write the territory to a new file
      -h, --help                Print help
    ----- stderr -----
    ");
}

#[test]
fn help_of_territory_explain() {
    insta::assert_snapshot!(sekisho(&["territory", "explain", "--help"]).whole(), @r"
    exit status: 0
    ----- stdout -----
    Say where addresses lie, and which rule placed them

    Usage: sekisho territory explain [OPTIONS] --territory <FILE> <ADDRESS>...

    Arguments:
      <ADDRESS>...  Address to explain

    Options:
          --territory <FILE>      Territory: which addresses are domestic, foreign or unknown
          --exclude <FILE>        List of prefixes never recorded; give it again for each further one
          --operator <NAME=CIDR>  An operator's own prefix; give it again for each further one
          --json                  Print JSON lines instead of text
      -h, --help                  Print help
    ----- stderr -----
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "whole outputs are long")]
fn help_of_papers() {
    insta::assert_snapshot!(sekisho(&["approval", "--help"]).whole(), @r"
    exit status: 0
    ----- stdout -----
    Draft, verify and show approvals; list them as the kernel has them, or as papers say

    Usage: sekisho approval <COMMAND>

    Commands:
      list    Show the approvals that the kernel holds: state, class, time left, packets and why not;
              or, with --state or --papers, what papers say: in force, or why not
      show    Show one approval of papers, with its request and who signed
      new     Draft what overseers answer to a request: yes under conditions, or no
      verify  Say whether approvals would be in force, by a keyring that is trusted; for any machine
      help    Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help
    ----- stderr -----
    ");
    insta::assert_snapshot!(sekisho(&["approval", "verify", "--help"]).whole(), @r"
    exit status: 0
    ----- stdout -----
    Say whether approvals would be in force, by a keyring that is trusted; for any machine

    Usage: sekisho approval verify [OPTIONS] --keyring <FILE> <FILE>...

    Arguments:
      <FILE>...  Documents and feeds, or folders of them; signatures beside them are taken by themselves

    Options:
          --keyring <FILE>        The trusted keyring, of any number
          --signers <FILE>        Its file `allowed_signers`; found by its SHA-256 beside the keyring
                                  without this
          --at <TIME>             Judge at this moment, in UTC; now without it
          --sensor <FINGERPRINT>  Fingerprint of the log key of the sensor to judge for; the only one of
                                  the requests without it
          --standing              Require a standing too
          --json                  Print JSON instead of text
      -h, --help                  Print help

    Give what a sensor would have: the approval and its request, policy, territory, exclusions, for
    infrastructure the consent, and what revokes or stops. Signatures, FILE.sig.*, and the feed of a
    request are taken from beside it. The status is 0 only if every document is accepted and every
    approval would be in force.
    Examples:
      sekisho approval verify --keyring keyring-3.toml papers/
      sekisho approval verify --keyring keyring-3.toml policy-2.toml territory-7.toml \
        request-9.toml approval-9.toml --at 2026-12-01T00:00:00Z
    ----- stderr -----
    ");
    insta::assert_snapshot!(sekisho(&["request", "new", "--help"]).whole(), @r"
    exit status: 0
    ----- stdout -----
    Draft a request: anew, as an extension, or for what a newer feed has more

    Usage: sekisho request new [OPTIONS] --number <N> --id <ID>

    Options:
          --number <N>
              Number of the request, higher than that of the requester's last one
          --id <ID>
              Its name, which records under it will have
          --extends <REQUEST.toml>
              Extend this request: the same for another time, with its fields and indicators or fewer
          --from-diff <REQUEST.toml>
              Ask for what --feed has and this request lacks; all else is taken over
          --requester <NAME>
              Who asks: NAME of requester/NAME
          --class <CLASS>
              Class: transit, infrastructure or relay
          --direction <DIRECTION>
              Direction: through for transit, inbound or outbound; give it again for both
          --operator <NAME>
              Operator whose prefixes are watched, for infrastructure
          --sensor <FINGERPRINT>
              Fingerprint of a sensor's log key; give it again for each further one
          --field <FIELD>
              What records may say besides addresses, times and counts: ports, protocol, `tcp_flags`,
              ttl, vlan, fragment, or none; give it again for each further one
          --recipient <TEXT>
              Who gets the records; give it again for each further one
          --necessity <TEXT>
              Why it is necessary
          --alternatives <TEXT>
              What else was considered, and why it does not do
          --threat <TEXT>
              Reference of the threat
          --severity <SEVERITY>
              How severe it is: low, medium, high or critical
          --expected-volume <TEXT>
              How much is expected to be recorded
          --from <TIME>
              First moment asked for, in UTC
          --until <TIME>
              First moment no longer asked for, in UTC
          --retention <PERIOD>
              How long records are kept, as P30D
          --interface <NAME=MAC@BUS>
              Interface of a sensor; give it again for each further one
          --tunnel <TYPE[:PORT][+SKIP]=PREFIX,PREFIX>
              Tunnel whose packets are opened; give it again for each further one
          --indicator <PREFIX>
              Address or prefix to watch for, for relay with its evidence as PREFIX@ATTACK@WHEN@SOURCE;
              give it again for each further one
          --indicators <FILE>
              File of indicators: a table [[indicator]] each, as in the request itself
          --feed <FILE>
              Feed with the indicators, bound by its SHA-256; it has to lie beside the request
          --least-count <N>
              Take only lines of the feed whose count, the number after the prefix, is this at least
          --output <FILE>
              Write to a new file, whose name ends with .toml, instead of standard output
      -h, --help
              Print help

    Example:
      sekisho request new --number 1 --id R-1 --requester npa --class transit --direction through \
        --sensor SHA256:... --field ports --field protocol --recipient 'National Police Agency' \
        --necessity '...' --alternatives '...' --threat T-2026-17 --severity high \
        --expected-volume '10,000 flows a day' --from 2026-11-21T00:00:00Z \
        --until 2027-02-21T00:00:00Z --retention P30D \
        --interface eth0=02:00:00:00:00:01@pci-0000:03:00.0 --feed feed.txt --output request-1.toml
    An extension, for another time:
      sekisho request new --extends request-1.toml --number 2 --id R-2 \
        --from 2027-02-21T00:00:00Z --until 2027-05-21T00:00:00Z --output request-2.toml
    Only what a newer feed has more:
      sekisho request new --from-diff request-1.toml --feed newer.txt --number 2 --id R-1b \
        --output request-2.toml
    ----- stderr -----
    ");
    insta::assert_snapshot!(sekisho(&["standing", "new", "--help"]).whole(), @r"
    exit status: 0
    ----- stdout -----
    Draft a standing that names what is in force, and all that was revoked

    Usage: sekisho standing new [OPTIONS]

    Options:
          --state <DIR>           State folder of a sensor: its papers, and when they arrived
          --papers <DIR>          Folder of papers, taken as if all of them arrived now; needs --root
          --root <SHA256>         SHA-256 of the first keyring, for --papers
          --sensor <FINGERPRINT>  Fingerprint of the log key of the sensor to judge for, for --papers;
                                  the only one of the keyring without it
          --at <TIME>             Judge at this moment, in UTC; now without it
          --number <N>            Number of the standing; without it one more than the last
          --from <TIME>           First moment, in UTC; the moment it is drafted without it
          --days <N>              Days that it is good for; as long as the policy allows without it
          --output <FILE>         Write to a new file, whose name ends with .toml, instead of standard
                                  output
      -h, --help                  Print help

    Example:
      sekisho standing new --state /var/lib/sekisho --output standing-2.toml
    ----- stderr -----
    ");
    insta::assert_snapshot!(sekisho(&["sign-help", "--help"]).whole(), @r"
    exit status: 0
    ----- stdout -----
    Print the line with which somebody signs a document

    Usage: sekisho sign-help --principal <ROLE/NAME> --key <KEYFILE> <FILE|KIND>

    Arguments:
      <FILE|KIND>  The document, or its kind

    Options:
          --principal <ROLE/NAME>  Who signs: requester, overseer, operator, carrier or inspector, and a
                                   name
          --key <KEYFILE>          The key: its private file, or the .pub of one in an agent
      -h, --help                   Print help

    Example:
      sekisho sign-help approval-1.toml --principal overseer/ai --key ~/.ssh/id_ed25519_sk
    ----- stderr -----
    ");
}

#[test]
fn version() {
    let printed = sekisho(&["--version"]);
    assert_eq!(printed.status, Some(0));
    assert_eq!(
        printed.stdout,
        format!("sekisho {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn arguments_not_understood() {
    insta::assert_snapshot!(sekisho(&["run", "--lab"]).whole(), @r"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: the following required arguments were not provided:
      --interface <NAME>

    Usage: sekisho run --interface <NAME> --lab

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(sekisho(&["observe"]).whole(), @r"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: unrecognized subcommand 'observe'

    Usage: sekisho <COMMAND>

    For more information, try '--help'.
    ");
    for words in [
        &[][..],
        &["run", "--interface", "lo", "--feed", "f", "--tick", "0"],
        &["run", "--interface", "lo", "--feed", "f", "--duration", "0"],
        &[
            "run",
            "--interface",
            "lo",
            "--feed",
            "f",
            "--duration",
            "-1",
        ],
        &[
            "run",
            "--interface",
            "lo",
            "--feed",
            "f",
            "--flow-capacity",
            "0",
        ],
        &["check", "--interface", "lo", "--seconds", "0"],
        &["replay"],
        &["init"],
        &["explain"],
        &["approval"],
    ] {
        let printed = sekisho(words);
        assert_eq!(
            (printed.status, printed.stdout.as_str()),
            (Some(2), ""),
            "{words:?}"
        );
        assert!(printed.stderr.contains("Usage: ") || printed.stderr.contains("--help"));
    }
}
