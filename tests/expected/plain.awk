# Judges one capture: stdin is what make.sh asks of tshark, one line per frame; every field has all
# its occurrences in the frame, outermost first, separated by commas.
#
# Writes to the files named by -v captures=, flows= and others=. Written for any awk.

BEGIN {
    FS = OFS = "\t"; TAG = 4
    # Bytes of the link header; of PPP, which has one to four, the fewest.
    line["ether"] = 14; line["linux-sll"] = 16; line["linux-sll2"] = 20; line["chdlc"] = 4
    number_of["tcp"] = 6; number_of["udp"] = 17; number_of["icmpv6"] = 58
    line["null"] = 4; line["ppp"] = 1; line["rawip"] = 0; line["rawip4"] = 0; line["rawip6"] = 0
}

function first(list) { sub(/,.*/, "", list); return list }
function more(list) { return index(list, ",") ? substr(list, index(list, ",") + 1) : "" }
function number(list) { return first(list) + 0 }

{
    frames++
    wire = $2; layers = $3
    split("", key)
    kind = judge()
    if (kind == "plain") {
        plain++
        plain_octets += octets
        flow = source OFS destination OFS protocol OFS ports OFS tags
        flow_packets[flow]++
        flow_octets[flow] += octets
    } else {
        sub(/^eth:ethertype:/, "eth:", layers)
        gsub(/:ethertype:/, ":", layers)
        if (length(layers) > 60) layers = substr(layers, 1, 57) "..."
        other = kind OFS layers
        if (!(other in other_packets)) other_first[other] = $1
        other_packets[other]++
    }
}

# Layers as if the link layer were Ethernet, which has an ether type.
function behind(layers) {
    if (link ~ /^rawip/) return "eth:ethertype:" layers
    sub(/^(sll|chdlc|ppp|null):(ethertype:)?/, "eth:ethertype:", layers)
    return layers
}

# The first reason why a frame is not plain; sets octets and the parts of the flow.
function judge(    count, part, at, vlan, ieee8021ad, number_of_tags, header, four, has_extensions) {
    if (!(link in line)) print "doubt: " capture " link " link > "/dev/stderr"
    count = split(behind(layers), part, ":")
    if (count < 3 || part[2] != "ethertype") return "link"
    tags = ""; number_of_tags = 0
    vlan = $4; ieee8021ad = $5
    header = line[link]
    # What may stand before IP: each with an ether type after it, but PPPoE and labels.
    for (at = 3; ; at += 2) {
        if (part[at] == "etag") { header += 8; continue }
        if (part[at] == "vntag") { header += 6; continue }
        if (part[at] != "vlan" && part[at] != "ieee8021ad") break
        number_of_tags++; header += TAG
        tags = tags (tags == "" ? "" : ",")
        if (part[at] == "vlan") { tags = tags first(vlan); vlan = more(vlan) }
        else { tags = tags first(ieee8021ad); ieee8021ad = more(ieee8021ad) }
    }
    if (tags == "") tags = "-"
    if (part[at] == "nsh") { header += 8; at++ }
    if (part[at] == "pppoes" && part[at + 1] == "ppp") { header += 7; at += 2 }
    if (part[at] == "mpls") { header += 4; at++ }
    if (part[at] != "ip" && part[at] != "ipv6") return "link"
    if (number_of_tags > 2) return "tags"
    four = part[at] == "ip"
    if (four) {
        source = first($6); destination = first($7); protocol = number($8); octets = number($9)
        if (number($10) != 4 || number($11) < 20 || octets < number($11)) return "malformed"
        if ($23 ~ /IPv4/ && at == count) return "malformed"
        if (number($12) || number($13)) return "fragment"
        payload = octets - number($11)
    } else {
        source = first($14); destination = first($15); protocol = number($16)
        payload = number($17); octets = 40 + payload
        has_extensions = protocol ~ /^(0|43|44|51|60|135|139|140)$/
        if (has_extensions) {
            if (number($18) || number($19)) return "fragment"
            while (at < count && part[at + 1] ~ /^(ipv6\.|ah$)/) at++
            protocol = part[at + 1] in number_of ? number_of[part[at + 1]] : "other"
        }
    }
    if (header + octets > wire) return "malformed"
    if (protocol == 6) {
        if ($20 == "" || number($20) < 20 || number($20) > payload) return "malformed"
        ports = number($24) OFS number($25)
    } else if (protocol == 17) {
        if ($21 == "") return "malformed"
        if (!has_extensions && number($21) != payload) print "doubt: " capture " frame " $1 ": udp.length" > "/dev/stderr"
        ports = number($26) OFS number($27)
    } else if (protocol == (four ? 1 : 58)) {
        if ((four ? $22 : $28) == "") return "malformed"
        ports = "-" OFS "-"
    } else return "protocol"
    return "plain"
}

END {
    print capture, link, frames + 0, plain + 0, plain_octets + 0, frames - plain >> captures
    for (flow in flow_packets) print capture, flow, flow_packets[flow], flow_octets[flow] >> flows
    for (other in other_packets) {
        split(other, part, OFS)
        print capture, part[1], other_packets[other], other_first[other], part[2] >> others
    }
}
