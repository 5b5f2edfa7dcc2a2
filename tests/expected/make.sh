#!/usr/bin/env bash
# Makes captures.tsv, flows.tsv and others.tsv: what tshark sees in the captures that replay is
# tested with. tshark knows nothing of the sensor, which is the point; so run this only when the
# captures change, and read the difference.
#
#   tests/expected/make.sh [folder of captures, by default ../shared/data/pcap]
#
# doubtful.tsv and notes.md are written by hand.
set -euo pipefail
export LC_ALL=C TZ=UTC

here=$(cd "$(dirname "$0")" && pwd)
pcaps=$(cd "${1:-$here/../../../shared/data/pcap}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# No preferences of whoever runs this.
export WIRESHARK_CONFIG_DIR=$work/config
mkdir "$WIRESHARK_CONFIG_DIR"

# The order plain.awk counts on.
fields=(
    frame.number frame.len frame.protocols vlan.id ieee8021ad.id
    ip.src ip.dst ip.proto ip.len ip.version ip.hdr_len ip.flags.mf ip.frag_offset
    ipv6.src ipv6.dst ipv6.nxt ipv6.plen ipv6.fraghdr.offset ipv6.fraghdr.more
    tcp.hdr_len udp.length icmp.checksum _ws.malformed
    tcp.srcport tcp.dstport udp.srcport udp.dstport icmpv6.checksum
)
asked=()
for field in "${fields[@]}"; do
    asked+=(-e "${field}")
done
options=(
    -n -T fields -E separator=/t -E occurrence=a -E aggregator=,
    -o ip.defragment:FALSE -o ipv6.defragment:FALSE -o ip.check_checksum:FALSE
    -o tcp.desegment_tcp_streams:FALSE
)

for capture in "$pcaps"/*.pcap; do
    name=$(basename "$capture")
    link=$(capinfos -TrmE "$capture" 2>"$work/errors" | cut -d, -f2)
    tshark "${options[@]}" "${asked[@]}" -r "$capture" 2>"$work/errors" >"$work/fields" ||
        { cat "$work/errors" >&2; exit 1; }
    awk -f "$here/plain.awk" -v capture="$name" -v link="$link" -v captures="$work/captures" \
        -v flows="$work/flows" -v others="$work/others" "$work/fields"
done

table() { # name, columns, what
    {
        printf '# %s\n' "$3"
        printf '# Made by make.sh with %s:\n' "$(tshark --version 2>/dev/null | sed -n '1s/\.$//p')"
        printf '#   tshark %s -e ... -r FILE\n' "${options[*]}"
        printf '%s\n' "${2// /$'\t'}"
        sort -t $'\t' "$work/$1"
    } >"$here/$1.tsv"
}
table captures 'capture link frames plain plain_octets other' \
    'Frames of each capture.'
table flows 'capture src dst protocol src_port dst_port vlans packets octets' \
    'Plain frames by flow: octets from the IP header on, VLAN ids outermost first.'
table others 'capture kind packets first_frame layers' \
    'Frames that are not plain, by the first reason why not; see notes.md.'
