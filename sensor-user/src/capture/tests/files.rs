//! Files in both formats, built byte by byte.

/// The first byte order mark and all numbers of a file follow one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

pub(super) const ORDERS: [Order; 2] = [Order::Little, Order::Big];

impl Order {
    pub(super) fn u16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub(super) fn u32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub(super) fn u64(self, value: u64) -> [u8; 8] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub(super) fn words(self, values: &[u32]) -> Vec<u8> {
        values.iter().flat_map(|value| self.u32(*value)).collect()
    }

    pub(super) fn pcap_header(self, magic: u32, link: u32) -> Vec<u8> {
        let version = [self.u16(2), self.u16(4)].concat();
        [
            self.u32(magic).to_vec(),
            version,
            self.words(&[0, 0, 65_535, link]),
        ]
        .concat()
    }

    /// A record whose packet was `wire` bytes long on the wire.
    pub(super) fn record(self, seconds: u32, fraction: u32, wire: u32, data: &[u8]) -> Vec<u8> {
        let header = self.words(&[seconds, fraction, length(data), wire]);
        [header, data.to_vec()].concat()
    }

    /// A block of any type; content is padded.
    pub(super) fn block(self, kind: u32, content: &[u8]) -> Vec<u8> {
        let content = padded(content);
        let length = self.u32(length(&content) + 12);
        [&self.u32(kind)[..], &length, &content, &length].concat()
    }

    pub(super) fn section(self) -> Vec<u8> {
        let version = [self.u16(1), self.u16(0)].concat();
        let content = [self.u32(0x1a2b_3c4d).to_vec(), version, vec![0xff; 8]].concat();
        self.block(0x0a0d_0d0a, &content)
    }

    pub(super) fn interface(self, link: u16, snapshot: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut content = [self.u16(link), [0, 0]].concat();
        content.extend(self.u32(snapshot));
        for (code, value) in options {
            content.extend(self.u16(*code));
            content.extend(self.u16(value.len().try_into().unwrap()));
            content.extend(padded(value));
        }
        self.block(1, &content)
    }

    pub(super) fn enhanced(self, interface: u32, ticks: u64, wire: u32, data: &[u8]) -> Vec<u8> {
        let [high, low] = halves(ticks);
        let header = self.words(&[interface, high, low, length(data), wire]);
        self.block(6, &[header, data.to_vec()].concat())
    }

    pub(super) fn simple(self, wire: u32, data: &[u8]) -> Vec<u8> {
        self.block(3, &[&self.u32(wire)[..], data].concat())
    }

    pub(super) fn obsolete(self, interface: u16, ticks: u64, wire: u32, data: &[u8]) -> Vec<u8> {
        let [high, low] = halves(ticks);
        let numbers = [self.u16(interface), self.u16(7)].concat();
        let header = self.words(&[high, low, length(data), wire]);
        self.block(2, &[numbers, header, data.to_vec()].concat())
    }
}

/// Two packets, the second cut by a snapshot length.
pub(super) fn pcap() -> Vec<u8> {
    let order = Order::Little;
    let header = order.pcap_header(0xa1b2_c3d4, 1);
    [
        header,
        order.record(1, 2, 3, b"abc"),
        order.record(4, 5, 1_500, b"defgh"),
    ]
    .concat()
}

/// Two sections in different byte orders, with every kind of packet block and one of another kind.
pub(super) fn pcapng() -> Vec<u8> {
    let [little, big] = ORDERS;
    [
        little.section(),
        little.interface(1, 4, &[(2, b"eth0")]),
        little.enhanced(0, 1_000_000, 60, b"one"),
        little.block(5, &[0; 12]),
        little.simple(9, b"two!"),
        big.section(),
        big.interface(1, 0, &[(9, &[9]), (14, &2_i64.to_be_bytes()), (0, b"")]),
        big.obsolete(0, 3, 5, b"three"),
        big.enhanced(0, 4, 4, b"four"),
    ]
    .concat()
}

pub(super) fn length(data: &[u8]) -> u32 {
    data.len().try_into().unwrap()
}

fn padded(data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    data.resize(data.len().next_multiple_of(4), 0);
    data
}

fn halves(ticks: u64) -> [u32; 2] {
    [(ticks >> 32) as u32, (ticks & 0xffff_ffff) as u32]
}
