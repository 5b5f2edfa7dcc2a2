//! bpf(2), as far as aya does not reach: links, pins, frozen maps, what a place of an
//! outer map holds.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

use aya_obj::generated::{bpf_attach_type, bpf_cmd};

/// The system call.
///
/// # Safety
///
/// The attributes are those of the command, and what they point to is there.
unsafe fn bpf<T>(command: bpf_cmd, attributes: &T) -> io::Result<i32> {
    // SAFETY: the kernel reads as many bytes of the attributes as it is told there are.
    let done = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as u32,
            core::ptr::from_ref(attributes),
            size_of::<T>(),
        )
    };
    match i32::try_from(done) {
        Ok(done) if done >= 0 => Ok(done),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Takes a descriptor that the kernel has just made.
fn owned(descriptor: i32) -> OwnedFd {
    // SAFETY: nobody else knows the descriptor yet.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}

const fn raw(descriptor: i32) -> u32 {
    descriptor.cast_unsigned()
}

/// The part of `union bpf_attr` that `BPF_LINK_CREATE` reads for XDP (include/uapi/linux/bpf.h).
#[repr(C)]
struct LinkCreate {
    prog_fd: u32,
    target_ifindex: u32,
    attach_type: u32,
    flags: u32,
}

/// Attaches a program to an interface.
pub(super) fn link_create(
    program: BorrowedFd<'_>,
    interface: u32,
    flags: u32,
) -> io::Result<OwnedFd> {
    let attributes = LinkCreate {
        prog_fd: raw(program.as_raw_fd()),
        target_ifindex: interface,
        attach_type: bpf_attach_type::BPF_XDP as u32,
        flags,
    };
    // SAFETY: the attributes hold no pointer.
    unsafe { bpf(bpf_cmd::BPF_LINK_CREATE, &attributes) }.map(owned)
}

/// The part of `union bpf_attr` that `BPF_LINK_UPDATE` reads.
#[repr(C)]
struct LinkUpdate {
    link_fd: u32,
    new_prog_fd: u32,
    flags: u32,
    old_prog_fd: u32,
}

/// Puts another program in the place of a link's, whichever that is; no packet goes unseen.
pub(super) fn link_update(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let attributes = LinkUpdate {
        link_fd: raw(link.as_raw_fd()),
        new_prog_fd: raw(program.as_raw_fd()),
        flags: 0,
        old_prog_fd: 0,
    };
    // SAFETY: the attributes hold no pointer.
    unsafe { bpf(bpf_cmd::BPF_LINK_UPDATE, &attributes) }.map(drop)
}

/// The part of `union bpf_attr` that `BPF_LINK_DETACH` reads.
#[repr(C)]
struct LinkDetach {
    link_fd: u32,
}

/// Takes the program off the interface at once; the link stays, and holds nothing.
pub(super) fn link_detach(link: BorrowedFd<'_>) -> io::Result<()> {
    let attributes = LinkDetach {
        link_fd: raw(link.as_raw_fd()),
    };
    // SAFETY: the attributes hold no pointer.
    unsafe { bpf(bpf_cmd::BPF_LINK_DETACH, &attributes) }.map(drop)
}

/// The beginning of `struct bpf_link_info` for XDP.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct LinkInfo {
    kind: u32,
    id: u32,
    /// The program.
    pub(super) program: u32,
    padding: u32,
    /// The interface; 0 when it is gone or was detached (`bpf_xdp_link_fill_link_info`,
    /// net/core/dev.c).
    pub(super) interface: u32,
    more: [u32; 11],
}

/// The beginning of `struct bpf_map_info` and of `struct bpf_prog_info`: type and id.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct ObjectInfo {
    kind: u32,
    id: u32,
}

/// The part of `union bpf_attr` that `BPF_OBJ_GET_INFO_BY_FD` reads.
#[repr(C)]
struct GetInfo {
    bpf_fd: u32,
    info_len: u32,
    info: u64,
}

/// # Safety
///
/// `T` is the beginning of the object's own info and takes any bytes.
unsafe fn info<T: Default>(object: BorrowedFd<'_>) -> io::Result<T> {
    let mut info = T::default();
    let attributes = GetInfo {
        bpf_fd: raw(object.as_raw_fd()),
        info_len: u32::try_from(size_of::<T>()).unwrap_or(0),
        info: (&raw mut info) as u64,
    };
    // SAFETY: the kernel reads the attributes and writes at most as many bytes of `info` as
    // it is told there are.
    unsafe { bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &attributes) }?;
    Ok(info)
}

/// What a link holds together.
pub(super) fn link_info(link: BorrowedFd<'_>) -> io::Result<LinkInfo> {
    // SAFETY: the type is the one for links, of integers.
    unsafe { info(link) }
}

/// The id of a map or a program.
pub(super) fn id(object: BorrowedFd<'_>) -> io::Result<u32> {
    // SAFETY: both infos begin with type and id, integers.
    unsafe { info::<ObjectInfo>(object) }.map(|info| info.id)
}

/// The part of `union bpf_attr` that `BPF_OBJ_PIN` and `BPF_OBJ_GET` read.
#[repr(C)]
struct Pin {
    pathname: u64,
    bpf_fd: u32,
    file_flags: u32,
}

/// Pins a map, a program or a link.
pub(super) fn pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let attributes = Pin {
        pathname: path.as_ptr() as u64,
        bpf_fd: raw(object.as_raw_fd()),
        file_flags: 0,
    };
    // SAFETY: the path ends with a zero and outlives the call.
    unsafe { bpf(bpf_cmd::BPF_OBJ_PIN, &attributes) }.map(drop)
}

/// Opens what is pinned.
pub(super) fn open_pin(path: &Path) -> io::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let attributes = Pin {
        pathname: path.as_ptr() as u64,
        bpf_fd: 0,
        file_flags: 0,
    };
    // SAFETY: the path ends with a zero and outlives the call.
    unsafe { bpf(bpf_cmd::BPF_OBJ_GET, &attributes) }.map(owned)
}

/// The part of `union bpf_attr` that commands on the elements of a map read.
#[repr(C)]
#[derive(Default)]
struct Element {
    map_fd: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// Lets nobody change a map's elements through system calls any more.
pub(super) fn freeze(map: BorrowedFd<'_>) -> io::Result<()> {
    let attributes = Element {
        map_fd: raw(map.as_raw_fd()),
        ..Element::default()
    };
    // SAFETY: the command reads the descriptor only.
    unsafe { bpf(bpf_cmd::BPF_MAP_FREEZE, &attributes) }.map(drop)
}

/// The id of the map that stands at a place of an outer array; `None` where none does.
pub(super) fn inner_id(outer: BorrowedFd<'_>, place: u32) -> io::Result<Option<u32>> {
    let mut id = 0u32;
    let attributes = Element {
        map_fd: raw(outer.as_raw_fd()),
        key: (&raw const place) as u64,
        value: (&raw mut id) as u64,
        ..Element::default()
    };
    // SAFETY: key and value of an outer array are 32 bits each.
    match unsafe { bpf(bpf_cmd::BPF_MAP_LOOKUP_ELEM, &attributes) } {
        Ok(_) => Ok(Some(id)),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts a map into a place of an outer array; returns when no program holds the one that stood
/// there (`maybe_wait_bpf_programs`, kernel/bpf/syscall.c).
pub(super) fn set_inner(
    outer: BorrowedFd<'_>,
    place: u32,
    inner: BorrowedFd<'_>,
) -> io::Result<()> {
    let inner = raw(inner.as_raw_fd());
    let attributes = Element {
        map_fd: raw(outer.as_raw_fd()),
        key: (&raw const place) as u64,
        value: (&raw const inner) as u64,
        ..Element::default()
    };
    // SAFETY: key and value of an outer array are 32 bits each.
    unsafe { bpf(bpf_cmd::BPF_MAP_UPDATE_ELEM, &attributes) }.map(drop)
}

/// Empties a place of an outer array, and returns likewise. An empty one stays so.
pub(super) fn forget_inner(outer: BorrowedFd<'_>, place: u32) -> io::Result<()> {
    let attributes = Element {
        map_fd: raw(outer.as_raw_fd()),
        key: (&raw const place) as u64,
        ..Element::default()
    };
    // SAFETY: the key of an outer array is 32 bits.
    match unsafe { bpf(bpf_cmd::BPF_MAP_DELETE_ELEM, &attributes) } {
        Err(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(error),
        _ => Ok(()),
    }
}

/// Fills memory with random bytes of the kernel.
pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    // SAFETY: the kernel writes at most as many bytes as it is told there are.
    let read = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), N, 0) };
    match usize::try_from(read) {
        // Up to 256 bytes come whole (getrandom(2)).
        Ok(read) if read == N => Ok(bytes),
        Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        Err(_) => Err(io::Error::last_os_error()),
    }
}
