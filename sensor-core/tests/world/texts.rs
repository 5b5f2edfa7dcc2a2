//! What the papers of the world say.

pub(crate) const POLICY: &str = r#"kind = "policy"
number = 1
retention = "P90D"
territory_age = "P30D"
standing = "P7D"
consent_alone = false

[signatures]
transit = 2
infrastructure = 2
relay = 2

[longest]
transit = "P6M"
infrastructure = "P1Y"
relay = "P3M"
"#;

pub(crate) const EXCLUSION: &str = r#"kind = "exclusion"
number = 1
reason = "a hospital"
prefixes = ["9.1.0.0/16", "133.30.0.0/16"]
"#;

pub(crate) const CONSENT: &str = r#"kind = "consent"
number = 1
operator = "power"
prefixes = ["133.10.0.0/17"]
from = "2026-11-01T00:00:00Z"
until = "2027-03-01T00:00:00Z"

[[interface]]
name = "r0"
mac = "02:00:00:00:00:01"
bus = "virtual"
"#;

pub(crate) const REQUEST_TRANSIT: &str = r#"kind = "request"
number = 1
id = "R-1"
requester = "npa"
class = "transit"
direction = ["through"]
sensors = ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
fields = ["ports", "protocol"]
recipients = ["National Police Agency"]
necessity = "the only way to see its servers"
alternatives = "asking the hosters abroad, who do not answer"
threat = "T-2026-17"
severity = "high"
expected_volume = "10,000 flows a day"
from = "2026-11-21T00:00:00Z"
until = "2027-02-21T00:00:00Z"
retention = "P30D"

[[interface]]
name = "r0"
mac = "02:00:00:00:00:01"
bus = "virtual"

[[indicator]]
prefix = "8.8.8.8/32"

[[indicator]]
prefix = "9.9.9.0/24"
"#;

pub(crate) const REQUEST_INFRASTRUCTURE: &str = r#"kind = "request"
number = 2
id = "R-2"
requester = "npa"
class = "infrastructure"
direction = ["inbound", "outbound"]
operator = "power"
sensors = ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
fields = ["ports", "protocol", "tcp_flags"]
recipients = ["National Police Agency"]
necessity = "the operator was attacked from there"
alternatives = "the operator's own logs, which miss most of it"
threat = "T-2026-18"
severity = "critical"
expected_volume = "1,000 flows a day"
from = "2026-11-21T00:00:00Z"
until = "2027-02-21T00:00:00Z"
retention = "P30D"

[[interface]]
name = "r0"
mac = "02:00:00:00:00:01"
bus = "virtual"

[[indicator]]
prefix = "8.8.8.8/32"

[[indicator]]
prefix = "8.8.4.4/32"
"#;

pub(crate) const REQUEST_RELAY: &str = r#"kind = "request"
number = 3
id = "R-3"
requester = "npa"
class = "relay"
direction = ["outbound"]
sensors = ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
fields = ["ports"]
recipients = ["National Police Agency"]
necessity = "a server in Japan takes orders from there"
alternatives = "asking its owner, who cannot be found"
threat = "T-2026-19"
severity = "medium"
expected_volume = "100 flows a day"
from = "2026-11-21T00:00:00Z"
until = "2027-01-21T00:00:00Z"
retention = "P30D"

[[interface]]
name = "r0"
mac = "02:00:00:00:00:01"
bus = "virtual"

[[indicator]]
prefix = "133.5.5.5/32"
evidence = { attack = "A-7", when = "2026-10-01T00:00:00Z", source = "JPCERT 2026-10-03" }
"#;
