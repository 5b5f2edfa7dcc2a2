use std::{
    os::unix::{
        ffi::OsStringExt as _,
        fs::{PermissionsExt as _, symlink},
    },
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use super::*;

/// A folder of papers in a folder of its own.
fn folder() -> (tempfile::TempDir, Papers) {
    let state = tempfile::tempdir().unwrap();
    let papers = state.path().join("papers");
    fs::create_dir(&papers).unwrap();
    fs::set_permissions(&papers, fs::Permissions::from_mode(0o700)).unwrap();
    (state, Papers::new(papers, AGAIN))
}

fn names(scan: &Scan) -> Vec<&str> {
    scan.folder.files.keys().map(String::as_str).collect()
}

fn told(scan: &Scan) -> String {
    let told: Vec<String> = scan.left_out.iter().map(ToString::to_string).collect();
    told.join("\n")
}

#[test]
fn files_are_read_and_what_is_unfinished_is_not() {
    let (_state, mut papers) = folder();
    let names_there = [
        "0001-keyring.toml",
        "0001-keyring.toml.overseer.a.sig",
        "allowed_signers",
        ".allowed_signers.swp",
        "feed.txt~",
        "feed.txt.tmp",
        "feed.txt.new",
        "feed.txt.part",
    ];
    for name in names_there {
        fs::write(papers.folder.join(name), name).unwrap();
    }
    let scan = papers.scan(Instant::now());
    assert_eq!(told(&scan), "");
    assert_eq!(names(&scan), names_there[..3]);
    for (name, bytes) in &scan.folder.files {
        assert_eq!(**bytes, *name.as_bytes());
    }
}

#[test]
fn what_is_no_file_or_no_paper_is_left_out_with_a_reason() {
    let (state, mut papers) = folder();
    papers.caps = Caps {
        file: 100,
        together: 150,
    };
    let at = |name: &str| papers.folder.join(name);
    fs::write(at("a-paper"), [b'a'; 100]).unwrap();
    fs::create_dir(at("folder")).unwrap();
    symlink(at("a-paper"), at("link")).unwrap();
    let made = Command::new("mkfifo").arg(at("pipe")).status().unwrap();
    assert!(made.success());
    fs::write(at("large"), [b'a'; 101]).unwrap();
    fs::write(at("together"), [b'a'; 51]).unwrap();
    fs::write(at("key"), "-----BEGIN PRIVATE KEY-----\n").unwrap();
    fs::write(papers.folder.join(OsString::from_vec(vec![b'n', 0xff])), "").unwrap();
    let scan = papers.scan(Instant::now());
    assert_eq!(names(&scan), ["a-paper"]);
    assert!(scan.left_out.iter().all(|left| left.rule == Rule::Form));
    insta::assert_snapshot!(told(&scan), @r"
    folder: it is a folder, which is not looked into: put what it holds beside the other papers
    key: it holds a private key: private keys never lie in the state folder; move it to where its owner signs, and count it as known to whoever could read this folder
    large: it is larger than 100 bytes
    link: it is a link, which is not followed: put the file itself here
    n�: its name is no UTF-8; give it another
    pipe: it is no file of bytes: remove it
    together: the papers before it are so large that it has no room: remove what is old
    ");
    drop(state);
}

#[test]
fn the_whole_folder_is_left_out_when_it_is_gone_or_open_to_others() {
    let (state, mut papers) = folder();
    let now = Instant::now();
    fs::write(papers.folder.join("a"), "1").unwrap();
    assert_eq!(names(&papers.scan(now)), ["a"]);
    fs::set_permissions(&papers.folder, fs::Permissions::from_mode(0o750)).unwrap();
    let open = papers.scan(now);
    assert_eq!((names(&open).len(), open.left_out[0].rule), (0, Rule::Form));
    let aside = state.path().join("aside");
    fs::rename(&papers.folder, &aside).unwrap();
    let gone = papers.scan(now);
    assert_eq!(
        (names(&gone).len(), gone.left_out[0].rule),
        (0, Rule::Missing)
    );
    symlink(&aside, &papers.folder).unwrap();
    let link = papers.scan(now);
    assert_eq!(names(&link).len(), 0);
    let told = [&open, &gone, &link].map(told).join("\n");
    let told = told.replace(&state.path().display().to_string(), "[STATE]");
    insta::assert_snapshot!(told, @r"
    [STATE]/papers is open to others (mode 750): close it with 'chmod 700 [STATE]/papers'
    [STATE]/papers: the folder of papers is missing: put it back from the backup
    [STATE]/papers is no folder; a link is not followed: name the folder itself
    ");
}

#[test]
fn what_did_not_change_is_not_read_again_before_its_time() {
    let (_state, mut papers) = folder();
    let (start, file) = (Instant::now(), papers.folder.join("a"));
    let after = |seconds| start + Duration::from_secs(seconds);
    fs::write(&file, "1").unwrap();
    let first = papers.scan(start).folder.files["a"].clone();
    // Of a file that just changed the system may say nothing new: it is read again.
    papers.kept.get_mut("a").unwrap().bytes = Arc::from(*b"0");
    let second = papers.scan(start).folder.files["a"].clone();
    assert_eq!(first, second);
    // Then it is kept, and its allocation with it.
    let settled = papers.scan(after(2)).folder.files["a"].clone();
    assert!(Arc::ptr_eq(&second, &settled));
    papers.kept.get_mut("a").unwrap().bytes = Arc::from(*b"0");
    assert_eq!(*papers.scan(after(59)).folder.files["a"], *b"0");
    // Whatever the system says.
    assert_eq!(*papers.scan(after(61)).folder.files["a"], *b"1");
    assert_eq!(*papers.scan(after(62)).folder.files["a"], *b"1");
}

#[test]
fn what_changed_is_read_whatever_its_size_and_times() {
    let (_state, mut papers) = folder();
    let (start, file) = (Instant::now(), papers.folder.join("a"));
    fs::write(&file, "1").unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    for seconds in [0, 2, 4] {
        papers.scan(start + Duration::from_secs(seconds));
    }
    assert!(papers.kept["a"].is_settled);
    // Another file of the same size and time of modification.
    let other = papers.folder.join("a.new");
    fs::write(&other, "2").unwrap();
    fs::File::options()
        .write(true)
        .open(&other)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    fs::rename(&other, &file).unwrap();
    let now = start + Duration::from_secs(5);
    assert_eq!(*papers.scan(now).folder.files["a"], *b"2");
    fs::remove_file(&file).unwrap();
    assert_eq!(names(&papers.scan(now)), [""; 0]);
}

#[test]
fn a_file_that_changes_all_the_time_is_read_whole_or_left_out() {
    let (_state, mut papers) = folder();
    let file = papers.folder.join("a");
    fs::write(&file, "a".repeat(100_000)).unwrap();
    let ends = Arc::new(AtomicBool::new(false));
    let writes = thread::spawn({
        let (ends, file) = (ends.clone(), file.clone());
        move || {
            // Renamed, so that there is no moment without a whole one.
            let aside = file.with_extension("new");
            let mut letters = (b'a'..=b'z').cycle();
            while !ends.load(Ordering::Relaxed) {
                fs::write(&aside, vec![letters.next().unwrap(); 100_000]).unwrap();
                fs::rename(&aside, &file).unwrap();
            }
        }
    });
    for _ in 0..200 {
        let scan = papers.scan(Instant::now());
        match scan.folder.files.get("a") {
            Some(bytes) => {
                assert_eq!(bytes.len(), 100_000);
                assert!(bytes.iter().all(|byte| *byte == bytes[0]));
            }
            None => assert_eq!(scan.left_out.len(), 1, "{scan:?}"),
        }
    }
    ends.store(true, Ordering::Relaxed);
    writes.join().unwrap();
}

#[test]
fn a_file_that_grows_while_it_is_read_is_not_taken() {
    let (_state, papers) = folder();
    let file = papers.folder.join("a");
    fs::write(&file, "12").unwrap();
    let stat = Stat::of(&file.symlink_metadata().unwrap());
    assert_eq!(read_whole(&file, stat).unwrap().unwrap(), b"12");
    for (other, says) in [("123", "longer"), ("1", "shorter")] {
        fs::write(&file, other).unwrap();
        assert_eq!(read_whole(&file, stat).unwrap(), None, "{says}");
    }
}
