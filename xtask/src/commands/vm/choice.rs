//! Which tests run in a guest, unless all are asked for. An emulated processor is twenty to forty
//! times slower, and to load the program is most of what it does: what says nothing about a kernel
//! stays out, what loads a program for each row of a table stays out where another test has
//! the same with one, and what is repeated by chance is repeated less often.

use super::plan::Trial;

/// Tests that stay out, by program and beginning of the name, and why.
pub(super) const LEFT_OUT: [(&str, &str, &str); 31] = [
    ("walk", "", NO_KERNEL),
    ("cli", "", NO_KERNEL),
    ("corpus", "", NO_KERNEL),
    ("run", "output::", NO_KERNEL),
    ("run", "ends::lab_is", NO_KERNEL),
    ("clock", "inside", "asks to be started by another test"),
    ("captures", "every_capture", A_PROGRAM_EACH),
    ("captures", "ipsum", LARGE),
    ("links", "", A_PROGRAM_EACH),
    ("datapath", "cases::every_case", A_PROGRAM_EACH),
    ("datapath", "gate::every_step", A_PROGRAM_EACH),
    ("datapath", "gate::on_a_real_card", A_PROGRAM_EACH),
    ("datapath", "layers::", A_PROGRAM_EACH),
    ("datapath", "ports::an_indicator", A_PROGRAM_EACH),
    ("datapath", "ports::every_one", A_PROGRAM_EACH),
    ("datapath", "random::", A_PROGRAM_EACH),
    ("datapath", "verdicts::", A_PROGRAM_EACH),
    ("datapath", "large::", LARGE),
    ("leaves", "", DUMPS),
    ("tuner", "a_filter", LARGE),
    ("tuner", "every_size", LARGE),
    ("tuner", "the_generation", LARGE),
    ("run", "killed::", AGAIN),
    ("run", "parallel::sensors", AGAIN),
    ("reuse", "", AGAIN),
    ("deadman", "stopped_", AGAIN),
    ("deadman", "killed_under", AGAIN),
    ("changes", "what_lies", AGAIN),
    ("run", "ends::interrupt", AGAIN),
    ("real", "", PAPERS),
    ("papers", "", PAPERS),
];

const NO_KERNEL: &str = "what is printed, read and refused says nothing about a kernel";
const A_PROGRAM_EACH: &str =
    "loads a program for each row of a table; datapath property:: has as much with one program";
const LARGE: &str = "lists of every size, laid out anew: minutes of user space";
const DUMPS: &str = "every map as bpftool prints it: more than a minute to write and search";
const AGAIN: &str = "the same many times over; takeover, deadman and changes have it once";
const PAPERS: &str = "what papers allow is decided before the kernel; changes and deadman have what the kernel then does";

/// How often what is made by chance is repeated, by the names CONTRIBUTING.md gives.
pub(super) const KNOBS: [(&str, &str); 1] = [("SEKISHO_PACKETS", "50000")];

/// Why a test stays out, if it does.
pub(super) fn left_out(trial: &Trial) -> Option<&'static str> {
    let is_it = |(program, begin, _): &&(&str, &str, &str)| {
        trial.program == *program && trial.test.starts_with(begin)
    };
    LEFT_OUT.iter().find(is_it).map(|(_, _, why)| *why)
}

/// Whether its program and name have one of the filters, if there are any.
pub(super) fn is_asked_for(trial: &Trial, filters: &[String]) -> bool {
    let name = format!("{} {}", trial.program, trial.test);
    filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(program: &str, test: &str) -> Trial {
        Trial {
            program: program.into(),
            binary: "x".into(),
            test: test.into(),
        }
    }

    #[test]
    fn a_filter_is_a_part_of_program_and_name() {
        let is_asked_for = |filters: &[&str]| {
            let filters: Vec<String> = filters.iter().map(ToString::to_string).collect();
            is_asked_for(&trial("run", "counts::udp"), &filters)
        };
        assert!(is_asked_for(&[]));
        assert!(is_asked_for(&["run counts"]) && is_asked_for(&["nothing", "udp"]));
        assert!(!is_asked_for(&["tcp"]));
    }

    #[test]
    fn tests_stay_out_by_program_and_beginning() {
        assert_eq!(left_out(&trial("walk", "any")), Some(NO_KERNEL));
        assert_eq!(left_out(&trial("run", "killed::twice")), Some(AGAIN));
        assert_eq!(left_out(&trial("run", "counts::killed::x")), None);
        assert_eq!(left_out(&trial("takeover", "killed::twice")), None);
    }
}
