use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, UdpSocket},
    os::unix::{fs::PermissionsExt as _, net::UnixDatagram},
    path::Path,
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};

use super::*;
use crate::export::{eve::Eve, samples};

const SOON: Duration = Duration::from_secs(20);

fn items(count: u64) -> impl Iterator<Item = Arc<Item>> {
    (0..count).map(|id| Arc::new(Item::Flow(samples::record(id))))
}

fn plan(queue: usize) -> Plan {
    Plan {
        queue,
        batch: 16,
        pauses: (Duration::from_millis(20), Duration::from_millis(50)),
        ..Plan::new("test", Recipient::new("anyone"))
    }
}

fn spawn(queue: usize, outlet: impl Outlet + 'static) -> Exporter {
    Exporter::spawn(plan(queue), Box::<Eve>::default(), Box::new(outlet)).unwrap()
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[expect(clippy::disallowed_methods, reason = "written by the test")]
fn ids(path: &Path) -> Vec<u64> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event["flow_id"].as_u64().unwrap()
    });
    lines.collect()
}

/// Of files that were moved aside and the one that is written to, in their order.
fn all_ids(folder: &Path) -> Vec<u64> {
    let files = fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    // The plain name sorts first and is the newest.
    files.rotate_left(1);
    files.iter().flat_map(|file| ids(file)).collect()
}

#[test]
fn a_file_has_every_row_and_is_for_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eve.json");
    fs::write(&path, "{\"flow_id\":999}").unwrap();
    let exporter = spawn(1000, File::new(&path, None, Rotation::default()));
    items(500).for_each(|item| exporter.offer(&item));
    let losses = exporter.finish(SOON);
    assert_eq!((losses.sent, losses.lost()), (500, 0));
    let expected: Vec<u64> = [999].into_iter().chain(0..500).collect();
    assert_eq!(ids(&path), expected, "half a line was ended");
    fs::remove_file(&path).unwrap();
    let exporter = spawn(1000, File::new(&path, None, Rotation::default()));
    items(1).for_each(|item| exporter.offer(&item));
    exporter.finish(SOON);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_is_moved_aside_by_size_and_by_age_and_no_line_is_missing() {
    let by_size = Rotation {
        size: Some(20_000),
        age: None,
    };
    let by_age = Rotation {
        size: None,
        age: Some(Duration::from_millis(30)),
    };
    for rotation in [by_size, by_age] {
        let folder = tempfile::tempdir().unwrap();
        let exporter = spawn(1000, File::new(folder.path().join("eve"), None, rotation));
        for item in items(600) {
            exporter.offer(&item);
            thread::sleep(Duration::from_micros(200));
        }
        assert_eq!(exporter.finish(SOON).sent, 600);
        let files = fs::read_dir(folder.path()).unwrap().count();
        assert!(files > 2, "{files} files");
        assert_eq!(all_ids(folder.path()), (0..600).collect::<Vec<_>>());
    }
}

#[test]
fn a_file_that_was_moved_is_made_again_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eve");
    let exporter = spawn(1000, File::new(&path, None, Rotation::default()));
    items(10).for_each(|item| exporter.offer(&item));
    wait("the first rows are written", || {
        exporter.losses().sent == 10
    });
    let moved = folder.path().join("moved");
    fs::rename(&path, &moved).unwrap();
    exporter.reopen();
    wait("there is a new file", || path.exists());
    items(5).for_each(|item| exporter.offer(&item));
    assert_eq!(exporter.finish(SOON).sent, 15);
    assert_eq!((ids(&moved).len(), ids(&path).len()), (10, 5));
}

#[test]
fn a_file_that_cannot_be_opened_is_named_and_blocks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing/eve");
    for path in [Path::new("/dev/full"), missing.as_path()] {
        let exporter = spawn(10, File::new(path, None, Rotation::default()));
        items(100).for_each(|item| exporter.offer(&item));
        wait("it says why", || exporter.error().is_some());
        let error = exporter.error().unwrap();
        assert!(error.contains(&path.display().to_string()), "{error}");
        let losses = exporter.finish(Duration::from_millis(100));
        assert_eq!((losses.sent, losses.lost()), (0, 100));
        assert!(losses.queue_full >= 90, "{losses:?}");
    }
}

#[test]
fn nothing_is_waited_for_where_nothing_is_left_to_send() {
    let missing = Path::new("/nonexistent/eve");
    let exporter = spawn(10, File::new(missing, None, Rotation::default()));
    wait("it says why", || exporter.error().is_some());
    let begin = Instant::now();
    assert_eq!(exporter.finish(SOON).lost(), 0);
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
}

/// In a mount namespace of its own, which the thread of the exporter inherits.
#[test]
fn a_full_disk_tears_no_line_and_nothing_is_lost_once_there_is_room() {
    let test = thread::spawn(|| {
        let folder = tempfile::tempdir().unwrap();
        let nothing = None::<&str>;
        let tmpfs = |flags, size| {
            mount(
                Some("tmpfs"),
                folder.path(),
                Some("tmpfs"),
                flags,
                Some(size),
            )
        };
        let ready = unshare(CloneFlags::CLONE_NEWNS)
            .and_then(|()| {
                mount(
                    nothing,
                    "/",
                    nothing,
                    MsFlags::MS_REC | MsFlags::MS_PRIVATE,
                    nothing,
                )
            })
            .and_then(|()| tmpfs(MsFlags::empty(), "size=64k"));
        if let Err(error) = ready {
            let ci = std::env::var("CI").as_deref() == Ok("true");
            assert!(!ci, "may not be skipped where CI=true: {error}");
            eprintln!("skipped: no file system can be mounted: {error}");
            return;
        }
        let path = folder.path().join("eve");
        let exporter = spawn(1000, File::new(&path, None, Rotation::default()));
        items(300).for_each(|item| exporter.offer(&item));
        wait("the disk is full", || exporter.error().is_some());
        let error = exporter.error().unwrap();
        assert!(error.contains("No space left"), "{error}");
        let sent = exporter.losses().sent;
        assert!((1..300).contains(&sent));
        assert_eq!(ids(&path), (0..sent).collect::<Vec<_>>(), "no line is torn");
        tmpfs(MsFlags::MS_REMOUNT, "size=10m").unwrap();
        let losses = exporter.finish(SOON);
        assert_eq!((losses.sent, losses.lost()), (300, 0));
        assert_eq!(ids(&path), (0..300).collect::<Vec<_>>());
    });
    test.join().unwrap();
}

#[test]
fn datagrams_arrive_one_for_each_row() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_read_timeout(Some(SOON)).unwrap();
    let exporter = spawn(1000, Udp::new(receiver.local_addr().unwrap()));
    for item in items(50) {
        exporter.offer(&item);
        let mut datagram = [0; 4096];
        let length = receiver.recv(&mut datagram).unwrap();
        assert_eq!(datagram[length - 1], b'\n');
    }
    assert_eq!(exporter.finish(SOON).sent, 50);

    let gone = receiver.local_addr().unwrap();
    drop(receiver);
    let exporter = spawn(1000, Udp::new(gone));
    items(50).for_each(|item| exporter.offer(&item));
    let losses = exporter.finish(SOON);
    assert_eq!(losses.sent + losses.broken, 50, "{losses:?}");
}

#[test]
fn a_socket_of_unix_that_comes_later_has_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let exporter = spawn(1000, Unix::new(&path));
    items(50).for_each(|item| exporter.offer(&item));
    wait("it says that nobody is there", || {
        exporter.error().is_some()
    });
    let receiver = UnixDatagram::bind(&path).unwrap();
    receiver.set_read_timeout(Some(SOON)).unwrap();
    let mut datagram = [0; 4096];
    for _ in 0..50 {
        assert!(receiver.recv(&mut datagram).unwrap() > 100);
    }
    assert_eq!(exporter.finish(SOON).sent, 50);
}

/// Counts lines until the other side closes.
fn lines(listener: &TcpListener) -> usize {
    let (mut stream, _) = listener.accept().unwrap();
    let mut lines = 0;
    let mut buffer = [0; 8192];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return lines,
            Ok(count) => {
                let ends = buffer[..count].iter().filter(|octet| **octet == b'\n');
                lines += ends.count();
            }
        }
    }
}

#[test]
fn a_dead_receiver_blocks_nobody_and_what_there_is_no_room_for_is_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    drop(listener);
    let exporter = spawn(100, Tcp::new(to, Duration::from_secs(1)));
    let begin = Instant::now();
    items(10_000).for_each(|item| exporter.offer(&item));
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert_eq!(exporter.losses().queue_full, 9_900);
    let begin = Instant::now();
    let losses = exporter.finish(Duration::from_millis(200));
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert_eq!(
        (losses.sent, losses.undrained, losses.lost()),
        (0, 100, 10_000)
    );
}

#[test]
fn a_receiver_that_comes_back_has_what_waited() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let exporter = spawn(1000, Tcp::new(to, Duration::from_secs(1)));
    items(10).for_each(|item| exporter.offer(&item));
    let (mut stream, _) = listener.accept().unwrap();
    wait("the first rows are sent", || exporter.losses().sent == 10);
    let mut some = [0; 100];
    stream.read_exact(&mut some).unwrap();
    drop((stream, listener));
    wait("it is noticed without a row", || exporter.error().is_some());
    items(100).for_each(|item| exporter.offer(&item));
    thread::sleep(Duration::from_millis(100));
    assert_eq!(exporter.losses().sent, 10);
    let listener = TcpListener::bind(to).unwrap();
    let receiver = thread::spawn(move || lines(&listener));
    wait("what waited is sent", || exporter.losses().sent == 110);
    assert_eq!(exporter.finish(SOON).lost(), 0);
    let arrived = receiver.join().unwrap();
    assert_eq!(arrived, 100, "none is missing and none is told twice");
}

#[test]
fn a_receiver_that_reads_a_byte_a_second_is_cut_off_and_blocks_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let slow = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut one = [0];
        while stream.read(&mut one).is_ok_and(|count| count > 0) {
            thread::sleep(Duration::from_secs(1));
            if stream.write_all(b"!").is_err() {
                return;
            }
        }
    });
    let exporter = spawn(1000, Tcp::new(to, Duration::from_millis(500)));
    let mut offered = 0;
    let mut longest = Duration::ZERO;
    let item = items(1).next().unwrap();
    // Until the buffers of both sides are full.
    wait("it is cut off", || {
        for _ in 0..2_000 {
            let begin = Instant::now();
            exporter.offer(&item);
            longest = longest.max(begin.elapsed());
            offered += 1;
        }
        exporter.losses().broken > 0
    });
    assert!(longest < Duration::from_millis(500), "{longest:?}");
    let begin = Instant::now();
    let losses = exporter.finish(Duration::from_millis(300));
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert_eq!(losses.sent + losses.lost(), offered, "{losses:?}");
    assert!(losses.queue_full > 0, "{losses:?}");
    slow.join().unwrap();
}

#[test]
fn rows_of_others_are_not_offered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eve");
    let exporter = spawn(1000, File::new(&path, None, Rotation::default()));
    let mut record = samples::record(1);
    record.notice.approvals[0].handling = samples::handling(Some(&["somebody"]));
    exporter.offer(&Arc::new(Item::Flow(record)));
    items(3).for_each(|item| exporter.offer(&item));
    let losses = exporter.finish(SOON);
    assert_eq!((losses.sent, losses.not_for_it, losses.lost()), (3, 1, 0));
    assert_eq!(ids(&path), [0, 1, 2]);
}
