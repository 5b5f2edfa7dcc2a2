//! Pins: what keeps link, program and maps in the kernel when the agent dies.
//!
//! A folder on a BPF file system belongs to one sensor and is locked while its agent
//! lives. In it every agent makes a folder of its own, named after the version of the
//! shared types, and removes it when it ends. What stands there when the next agent
//! starts was left by one that died: its links are taken over, so that no packet goes
//! unseen, then its maps are read, then the folder is removed.

mod error;
mod mount;
mod remains;
mod view;

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
};

use nix::{
    fcntl::Flock,
    sys::statfs::{FsType, statfs},
};
use sensor_common::WIRE_VERSION;

pub use self::{
    error::PinError,
    mount::{BPF_FS_FOLDER, mount_bpf_fs},
    remains::{Recovered, Remains},
    view::View,
};
use super::{
    AttachError, AttachMode, Kernel, LoadError, Options, boot_now, loader, maps::system, sys,
};
use crate::{
    held::{self, Refused},
    records::store::Position,
};

/// Where pins are unless told otherwise.
pub const DEFAULT_FOLDER: &str = "/sys/fs/bpf/sekisho";

/// `BPF_FS_MAGIC` (include/uapi/linux/magic.h).
const BPF_FS: FsType = FsType(0xcafe_4a11);

/// A sensor's folder of pins, locked.
#[derive(Debug)]
pub struct PinFolder {
    path: PathBuf,
    _lock: Flock<File>,
}

/// A folder that somebody made before is its owner's alone too; the root of a file system is
/// not this sensor's to change.
fn own_alone(path: &Path) -> io::Result<()> {
    let there = fs::metadata(path)?;
    let around = fs::metadata(path.join(".."))?;
    let is_alone = there.permissions().mode() & 0o777 == 0o700;
    if is_alone || there.dev() != around.dev() {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

impl PinFolder {
    /// Makes the folder if need be, and locks it.
    pub fn lock(path: &Path) -> Result<Self, PinError> {
        check_file_system(path)?;
        let failed = error::of(path);
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(path).map_err(&failed)?;
        own_alone(path).map_err(&failed)?;
        match held::hold(path) {
            Ok(lock) => Ok(Self {
                path: path.into(),
                _lock: lock,
            }),
            Err(Refused::Held) => Err(PinError::Busy {
                folder: path.into(),
            }),
            Err(Refused::System(source)) => Err(failed(source)),
        }
    }

    /// What dead agents left, oldest first.
    pub fn remains(&self) -> Result<Vec<Remains>, PinError> {
        let folders = folders(&self.path)?;
        folders.into_iter().map(Remains::open).collect()
    }

    /// Removes whatever dead agents left, of any version, unread: their programs detach.
    /// Returns what there was.
    ///
    /// # Errors
    ///
    /// [`PinError::NotOurs`] where something else stands in the folder; then nothing is removed.
    pub fn clear(&self) -> Result<Vec<Cleared>, PinError> {
        let mut cleared = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(error::of(&self.path))? {
            let path = entry.map_err(error::of(&self.path))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if name.and_then(versioned).is_none() {
                return Err(PinError::NotOurs { path });
            }
            let interfaces = linked(&path).map_err(error::of(&path))?;
            cleared.push(Cleared { path, interfaces });
        }
        cleared.sort_by(|one, other| one.path.cmp(&other.path));
        for Cleared { path, .. } in &cleared {
            remove_folder(path).map_err(error::of(path))?;
        }
        Ok(cleared)
    }

    /// A folder for this agent's own pins, after those that are there. Its number is the time
    /// since boot: no two agents of a boot have the same, so it names the run.
    fn own(&self) -> Result<OwnPins, PinError> {
        let last = folders(&self.path)?
            .last()
            .map_or(0, |folder| folder.number);
        let run = boot_now()?.max(last.saturating_add(1));
        let path = self.path.join(format!("wire-{WIRE_VERSION}-{run}"));
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(error::of(&path))?;
        let stays = false;
        Ok(OwnPins { path, run, stays })
    }
}

/// Behind everything; a store has numbers with a sign.
const END: Position = Position {
    source: [0; 16],
    epoch: u64::MAX >> 1,
    ring: u64::MAX >> 1,
};

/// What dead agents left, when it was read.
#[derive(Default)]
pub struct Read(Vec<Remains>);

impl Read {
    /// Whether there was nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The position behind everything that is in the maps of the last of them: a store that has it
    /// has what all of them left.
    pub fn end(&self) -> Option<Position> {
        let source = loader::source(self.0.last()?.run())?;
        Some(Position { source, ..END })
    }

    /// Removes it: it is safe elsewhere.
    pub fn remove(self) -> Result<(), PinError> {
        self.0.into_iter().try_for_each(Remains::remove)
    }
}

/// What a dead agent had left when it was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// Its folder.
    pub path: PathBuf,
    /// Indices of the interfaces that its program was attached to.
    pub interfaces: Vec<u32>,
}

/// The interfaces of the links pinned in a folder, ascending.
fn linked(path: &Path) -> io::Result<Vec<u32>> {
    let mut interfaces = Vec::new();
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let link = name.to_str().and_then(link_of);
        interfaces.extend(link.map(|link| link.interface));
    }
    interfaces.sort_unstable();
    Ok(interfaces)
}

/// One agent's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Folder {
    path: PathBuf,
    number: u64,
}

/// The agents' folders in a sensor's folder, in the order in which they were made.
fn folders(path: &Path) -> Result<Vec<Folder>, PinError> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(path).map_err(error::of(path))? {
        let path = entry.map_err(error::of(path))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some((version, number)) = name.and_then(versioned) else {
            return Err(PinError::NotOurs { path });
        };
        if version != WIRE_VERSION {
            return Err(PinError::OtherVersion {
                path,
                found: version,
            });
        }
        folders.push(Folder { path, number });
    }
    folders.sort_by_key(|folder| folder.number);
    Ok(folders)
}

/// Version and number of an agent's folder.
fn versioned(name: &str) -> Option<(u32, u64)> {
    let (version, number) = name.strip_prefix("wire-")?.split_once('-')?;
    Some((version.parse().ok()?, number.parse().ok()?))
}

/// Refuses a folder that is not on a BPF file system: nothing can be pinned there.
fn check_file_system(path: &Path) -> Result<(), PinError> {
    let mut there = Path::new("/");
    for ancestor in path.ancestors() {
        if ancestor.try_exists().map_err(error::of(ancestor))? {
            there = ancestor;
            break;
        }
    }
    if is_bpf_fs(there)? {
        return Ok(());
    }
    Err(PinError::NoBpfFs {
        folder: path.into(),
    })
}

fn is_bpf_fs(path: &Path) -> Result<bool, PinError> {
    let found = statfs(path).map_err(|errno| error::of(path)(errno.into()))?;
    Ok(found.filesystem_type() == BPF_FS)
}

/// The pins of a living agent; removed with it.
#[derive(Debug)]
pub(super) struct OwnPins {
    path: PathBuf,
    run: u64,
    stays: bool,
}

impl OwnPins {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets the maps stay, for the next agent to read.
    pub(super) const fn leave(&mut self) {
        self.stays = true;
    }
}

impl Drop for OwnPins {
    fn drop(&mut self) {
        if self.stays {
            return;
        }
        if let Err(error) = remove_folder(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "pins stay behind");
        }
    }
}

/// Takes a program off its interface at once, however many hold the link. One whose interface
/// is gone is off already.
pub(super) fn detach(link: &OwnedFd) {
    if let Err(error) = sys::link_detach(link.as_fd())
        && error.raw_os_error() != Some(libc::ENOLINK)
    {
        tracing::warn!(%error, "a link is let go without having been detached");
    }
}

/// Removes one pin. That it is gone already is as well.
pub(super) fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, path = %path.display(), "a pin stays behind");
        }
        _ => {}
    }
}

/// Links first: what detaches counts nothing into maps that nobody reads any more.
fn remove_folder(path: &Path) -> io::Result<()> {
    let mut pins: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(path)? {
        pins.push(entry?.path());
    }
    pins.sort_by_key(|pin| !is_link(pin));
    for pin in pins {
        fs::remove_file(pin)?;
    }
    fs::remove_dir(path)
}

fn is_link(pin: &Path) -> bool {
    let name = pin.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(LINK))
}

const LINK: &str = "link-";

/// What the name of a link's pin says. An index means something in one network namespace
/// only, so the namespace belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LinkPin {
    /// Inode of the network namespace.
    namespace: u64,
    /// Index of the interface there.
    interface: u32,
    mode: AttachMode,
}

impl LinkPin {
    fn name(&self) -> String {
        let Self {
            namespace,
            interface,
            mode,
        } = self;
        format!("{LINK}{namespace}-{interface}-{}", mode.name())
    }
}

fn link_of(name: &str) -> Option<LinkPin> {
    let mut parts = name.strip_prefix(LINK)?.split('-');
    let namespace = parts.next()?.parse().ok()?;
    let interface = parts.next()?.parse().ok()?;
    let mode = parts.next()?;
    let mode = [AttachMode::Native, AttachMode::Generic]
        .into_iter()
        .find(|known| known.name() == mode)?;
    parts.next().is_none().then_some(LinkPin {
        namespace,
        interface,
        mode,
    })
}

/// The network namespace of this thread, in which interfaces are looked up.
fn network_namespace() -> Result<u64, PinError> {
    let path = Path::new("/proc/thread-self/ns/net");
    Ok(fs::metadata(path).map_err(error::of(path))?.ino())
}

/// A dead agent's link.
pub(super) struct Inherited {
    pub(super) link: OwnedFd,
    pub(super) mode: AttachMode,
    pub(super) pin: PathBuf,
}

impl Kernel {
    /// Loads the program and pins it with its maps, so that it outlives this process, for as
    /// long as the lease runs. Links of dead agents are there to be taken over.
    pub fn load_pinned(
        options: Options,
        folder: &PinFolder,
        remains: &mut [Remains],
    ) -> Result<Self, LoadError> {
        let last = remains.iter().map(Remains::generation).max().unwrap_or(0);
        let mut kernel = Self::load_as(options, false, last)?;
        let pins = folder.own()?;
        kernel.pin_all(pins.path())?;
        kernel.pins = Some(pins);
        let here = network_namespace()?;
        for (link, inherited) in remains.iter_mut().flat_map(Remains::take_links) {
            if link.namespace == here {
                // One that was there before is a second pin of the same link.
                kernel.inherited.insert(link.interface, inherited);
            } else {
                kernel.elsewhere.push(inherited);
            }
        }
        Ok(kernel)
    }

    /// Lets go of the dead agents' links that were not taken over, reads what they counted,
    /// and removes their pins. To be called when all interfaces are attached.
    ///
    /// `known` is up to where a store has what they read, by what names their maps there. What is
    /// read here is removed with [`Read::remove`].
    pub fn take_over(
        &mut self,
        remains: Vec<Remains>,
        known: impl Fn([u8; 16]) -> Option<Position>,
    ) -> Result<(Vec<Recovered>, Read), LoadError> {
        let here = std::mem::take(&mut self.inherited).into_values();
        for Inherited { link, pin, .. } in here.chain(std::mem::take(&mut self.elsewhere)) {
            detach(&link);
            remove(&pin);
        }
        // Returns when no packet is judged by their programs any more.
        self.wait_for_programs()?;
        let known = |remains: &Remains| loader::source(remains.run()).and_then(&known);
        let is_whole = |position: Position| position.epoch == END.epoch;
        // They were read together, the last of them and those before.
        let whole = remains
            .iter()
            .rposition(|remains| known(remains).is_some_and(is_whole));
        let mut recovered = Vec::new();
        // What cannot be read leaves everything where it is.
        for (number, remains) in remains.iter().enumerate() {
            let is_known = whole.is_some_and(|whole| number <= whole);
            recovered.push(remains.read(if is_known { Some(END) } else { known(remains) })?);
        }
        Ok((recovered, Read(remains)))
    }

    /// What names this agent's run, if it is pinned.
    pub fn run(&self) -> Option<u64> {
        self.pins.as_ref().map(|pins| pins.run)
    }

    /// Pins a link beside the maps.
    pub(super) fn pin_link(
        &self,
        link: &OwnedFd,
        interface: u32,
        mode: AttachMode,
    ) -> Result<Option<PathBuf>, AttachError> {
        let Some(pins) = &self.pins else {
            return Ok(None);
        };
        let pin = LinkPin {
            namespace: network_namespace().map_err(LoadError::Pins)?,
            interface,
            mode,
        };
        let path = pins.path().join(pin.name());
        sys::pin(link.as_fd(), &path).map_err(system("pinning a bpf_link"))?;
        Ok(Some(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_folders_and_links_can_be_read_back() {
        assert_eq!(versioned("wire-2-17"), Some((2, 17)));
        for other in ["wire-2", "wire-x-1", "2-1", "wire--1", "progs"] {
            assert_eq!(versioned(other), None, "{other}");
        }
        for mode in [AttachMode::Native, AttachMode::Generic] {
            let pin = LinkPin {
                namespace: 4_026_531_840,
                interface: 7,
                mode,
            };
            assert_eq!(link_of(&pin.name()), Some(pin));
        }
        for other in [
            "link-1-7-other",
            "link-7-native",
            "link-1-7-native-2",
            "link-",
        ] {
            assert_eq!(link_of(other), None, "{other}");
        }
        assert!(is_link(Path::new("/x/link-1-7-native")));
        assert!(!is_link(Path::new("/x/LEASE")));
    }

    #[test]
    fn a_folder_that_is_on_no_bpf_file_system_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused = PinFolder::lock(&folder.path().join("a/b")).unwrap_err();
        assert!(matches!(refused, PinError::NoBpfFs { .. }), "{refused}");
        assert!(refused.to_string().contains("mount -t bpf"), "{refused}");
    }
}
