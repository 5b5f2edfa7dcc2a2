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
      explain    Say what would become of a packet, and why, without touching the kernel
      approval   Show approvals as the kernel has them
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
    ----- stderr -----
    ");
}

#[test]
fn help_of_run() {
    insta::assert_snapshot!(sekisho(&["run", "--help"]).whole(), @r"
    exit status: 0
    ----- stdout -----
    Watch interfaces and write records as JSON lines

    Usage: sekisho run [OPTIONS] --interface <NAME> --feed <FILE>

    Options:
          --interface <NAME>          Interface to watch; give it again for each further one
          --feed <FILE>               List of addresses and prefixes to watch for; give it again for
                                      each further one
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
          --flow-capacity <N>         Flows the kernel holds between two readings; what finds no room is
                                      counted as lost [default: 65536]
          --pin-dir <DIR>             Folder on a BPF file system for what outlives a dead agent: link,
                                      program and maps [default: /sys/fs/bpf/sekisho]
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
      <CAPTURE>  Capture file, pcap or pcapng, of Ethernet frames

    Options:
          --feed <FILE>               List of addresses and prefixes to watch for; give it again for
                                      each further one
          --watch <CIDR>              Address or prefix to watch for, of any length; give it again for
                                      each further one
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
    insta::assert_snapshot!(sekisho(&["init", "--help"]).whole(), @"");
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
      --feed <FILE>

    Usage: sekisho run --interface <NAME> --feed <FILE> --lab

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
