//! Deliberate bugs of a peer by name: each breaks one behaviour, so that a scenario can prove that it would notice.

macro_rules! peer_faults {
    ($($variant:ident $name:literal [$($requirement:literal),+] $description:literal,)+) => {
        /// A deliberate bug. `Peer` has none unless `PeerConfig::faults` names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum PeerFault {
            $(#[doc = $description] $variant,)+
        }

        impl PeerFault {
            /// Every fault there is.
            pub const ALL: &'static [PeerFault] = &[$(PeerFault::$variant),+];

            /// The name by which users switch it on.
            pub fn name(self) -> &'static str {
                match self { $(PeerFault::$variant => $name,)+ }
            }

            /// What the broken peer does, in one sentence.
            pub fn description(self) -> &'static str {
                match self { $(PeerFault::$variant => $description,)+ }
            }

            /// The requirements that the broken peer violates.
            pub fn requirements(self) -> &'static [&'static str] {
                match self { $(PeerFault::$variant => &[$($requirement),+],)+ }
            }
        }
    };
}

peer_faults! {
    // What it publishes.
    NotEnumerated "not-enumerated" ["SD-ENUM-01"]
        "The service type is not told to who enumerates types.",
    NoPtr "no-ptr" ["XEP0174-PUB-01"]
        "There is no PTR record of the instance.",
    NoSrv "no-srv" ["XEP0174-PUB-03"]
        "There is no SRV record.",
    NoAt "no-at" ["XEP0174-PUB-05"]
        "The instance name has no '@'.",
    OddMachine "odd-machine" ["XEP0174-TXT-11"]
        "The machine name has a character beyond US-ASCII.",
    ControlCharacter "control-character" ["SD-INST-01"]
        "The instance name has a control character.",
    NoTxt "no-txt" ["XEP0174-PUB-04"]
        "There is no TXT record.",
    EmptyTxt "empty-txt" ["SD-TXT-01", "XEP0174-PUB-04"]
        "The TXT record has no byte at all.",
    NoAddress "no-address" ["XEP0174-PUB-02", "XEP0174-PUB-07"]
        "There is no address record.",
    WrongAddress "wrong-address" ["XEP0174-PUB-07", "MDNS-RSP-10"]
        "The address record has an address of somebody else.",
    OtherTarget "other-target" ["XEP0174-PUB-06"]
        "The SRV record names another host than the instance name does.",
    WrongPort "wrong-port" ["XEP0174-PORT-01", "XEP0174-PUB-07"]
        "Nobody listens at the port of the SRV record.",
    NoPortInTxt "no-port-in-txt" ["XEP0174-PORT-03"]
        "port.p2pj is left out.",
    OtherPortInTxt "other-port-in-txt" ["XEP0174-PORT-04"]
        "port.p2pj is always 5298.",
    TxtVersion "txt-version" ["XEP0174-TXT-05"]
        "txtvers is 2.",
    TxtVersionLast "txt-version-last" ["XEP0174-TXT-02"]
        "txtvers is the last string.",
    DuplicateKey "duplicate-key" ["XEP0174-TXT-01"]
        "A key occurs twice in the TXT record, in different case.",
    LongKey "long-key" ["SD-TXT-04"]
        "A key has more than nine characters.",
    OddKey "odd-key" ["SD-TXT-03"]
        "A key has a character beyond US-ASCII.",
    LargeTxt "large-txt" ["XEP0174-TXT-03"]
        "The TXT record is larger than 1300 bytes.",
    StatusWord "status-word" ["XEP0174-TXT-06"]
        "An available user has status=available.",
    DndAsAway "dnd-as-away" ["XEP0174-TXT-08"]
        "A user who is not to be disturbed has status=away.",
    VcLetters "vc-letters" ["XEP0174-TXT-09"]
        "vc has a letter without meaning.",
    Latin1 "latin-1" ["XEP0174-TXT-10"]
        "TXT values are in ISO 8859-1.",
    MessageKept "message-kept" ["XEP0174-PRES-04"]
        "msg stays, empty, when a status has no message.",
    NoCapsInTxt "no-caps-in-txt" ["XEP0174-CAP-01"]
        "node, hash and ver are left out.",
    WrongVer "wrong-ver" ["XEP0174-CAP-02"]
        "ver is a version number, not the hash of what the application can do.",
    WrongPhsh "wrong-phsh" ["XEP0174-ICON-03"]
        "phsh is not the hash of the icon.",
    LargeIcon "large-icon" ["XEP0174-ICON-02", "MDNS-RSP-17"]
        "An icon fills more than a packet may have.",
    NoIcon "no-icon" ["XEP0174-ICON-01"]
        "An icon is not published, only its hash.",
    AlwaysPersonal "always-personal" ["XEP0174-SEC-04"]
        "Personal data is published although the user does not want it.",
    ShortTtl "short-ttl" ["MDNS-ANN-08"]
        "All records live for 30 seconds.",
    NoFlush "no-flush" ["MDNS-ANN-05"]
        "Unique records lack the cache-flush bit.",
    PtrFlush "ptr-flush" ["MDNS-ANN-06"]
        "The shared PTR record has the cache-flush bit.",

    // Probing, announcing, conflicts.
    NoProbe "no-probe" ["MDNS-PRB-01", "MDNS-PRB-03", "XEP0174-PUB-08", "XEP0174-PUB-10"]
        "Names are taken without asking.",
    OneProbe "one-probe" ["MDNS-PRB-03"]
        "There is one probe instead of three.",
    FastProbes "fast-probes" ["MDNS-PRB-03"]
        "Probes are 60 ms apart.",
    EarlyAnnouncement "early-announcement" ["MDNS-PRB-04"]
        "The announcement follows the third probe after 60 ms.",
    ProbeForSrv "probe-for-srv" ["MDNS-PRB-02"]
        "Probes ask for SRV instead of ANY.",
    ProbeQm "probe-qm" ["MDNS-PRB-05"]
        "Probes want multicast responses.",
    ProbeWithoutTxt "probe-without-txt" ["MDNS-PRB-06"]
        "Probes do not hold the proposed TXT record.",
    FlushInProbe "flush-in-probe" ["MDNS-ANN-07"]
        "Records in queries have the cache-flush bit.",
    IgnoresConflict "ignores-conflict" ["MDNS-PRB-07", "XEP0174-PUB-08", "XEP0174-PUB-10"]
        "An answer to a probe does not keep it from taking the name.",
    NoTieBreak "no-tie-break" ["MDNS-PRB-08"]
        "Simultaneous probes of others do not count.",
    NeverPutOff "never-put-off" ["MDNS-PRB-09"]
        "After many conflicts it goes on at full speed.",
    StaleConflict "stale-conflict" ["MDNS-PRB-10"]
        "Responses from before the first probe count as answers to it.",
    RenamedToTwo "renamed-to-two" ["XEP0174-PUB-09", "XEP0174-PUB-11"]
        "A name that is taken gets the number 2 first.",
    PartialAnnouncement "partial-announcement" ["MDNS-ANN-01"]
        "Only PTR records are announced.",
    AnnouncedOnce "announced-once" ["MDNS-ANN-02"]
        "There is one announcement.",
    FastAnnouncements "fast-announcements" ["MDNS-ANN-02"]
        "The announcements are 100 ms apart.",
    PeriodicAnnouncements "periodic-announcements" ["MDNS-ANN-03", "MDNS-ANN-04"]
        "It announces every 1.5 seconds for ever.",
    NoUpdate "no-update" ["XEP0174-PRES-01"]
        "A new status is not announced.",
    UpdateOnce "update-once" ["MDNS-UPD-01"]
        "A new status is announced once.",
    UpdateGoodbye "update-goodbye" ["MDNS-UPD-02"]
        "A new status comes after a goodbye for the record.",
    ManyUpdates "many-updates" ["MDNS-UPD-03"]
        "Updates are announced without limit.",
    NeverDefends "never-defends" ["MDNS-CNF-01", "MDNS-CNF-02"]
        "Conflicts after the start are ignored.",
    RenamedAtOnce "renamed-at-once" ["MDNS-CNF-01"]
        "A conflict after the start changes the name without probing for the old one again.",
    IdenticalIsConflict "identical-is-conflict" ["MDNS-CNF-03"]
        "The same record from somebody else is taken for a conflict.",
    LetsTtlBe "lets-ttl-be" ["MDNS-CNF-04"]
        "A copy of its record that lives too short is not corrected.",

    // Answers.
    OtherSourcePort "other-source-port" ["MDNS-RSP-01", "MDNS-QRY-02"]
        "It sends from another port than 5353.",
    UnicastResponses "unicast-responses" ["MDNS-RSP-02"]
        "Ordinary questions are answered to the asker only.",
    LowIpTtl "low-ip-ttl" ["MDNS-RSP-03"]
        "Packets have the IP TTL 1.",
    RepeatsItself "repeats-itself" ["MDNS-RSP-04"]
        "A record is multicast as often as it is asked for.",
    NoDelay "no-delay" ["MDNS-RSP-05"]
        "Answers that others may have too come without delay.",
    SlowDefence "slow-defence" ["MDNS-RSP-06"]
        "A probe is answered after 600 ms.",
    NoNsec "no-nsec" ["MDNS-RSP-07"]
        "Questions for types that its names lack are not answered.",
    AnyIsFirst "any-is-first" ["MDNS-RSP-08"]
        "ANY is answered with one record.",
    FirstQuestionOnly "first-question-only" ["MDNS-RSP-09"]
        "Only the first question of a query is answered.",
    NoLegacy "no-legacy" ["MDNS-RSP-11"]
        "Simple resolvers are not answered.",
    LegacyWithoutId "legacy-without-id" ["MDNS-RSP-11"]
        "Answers to simple resolvers have another ID than the query.",
    FlushToLegacy "flush-to-legacy" ["MDNS-RSP-11"]
        "Answers to simple resolvers have the cache-flush bit.",
    LongLegacyTtl "long-legacy-ttl" ["MDNS-RSP-12"]
        "Answers to simple resolvers live as long as others.",
    IgnoresQu "ignores-qu" ["MDNS-RSP-13"]
        "Questions for unicast answers get multicast ones.",
    NotAuthoritative "not-authoritative" ["MDNS-RSP-14"]
        "Responses lack the AA bit.",
    CaseMatters "case-matters" ["MDNS-RSP-15"]
        "Names in capital letters are others.",
    NotCompressed "not-compressed" ["MDNS-RSP-16"]
        "Names are written out in full.",
    ReadsOpcodes "reads-opcodes" ["MDNS-RSP-18"]
        "Queries with an opcode or a response code are answered.",
    IgnoresKnown "ignores-known" ["MDNS-KA-01"]
        "Answers that are known are given all the same.",
    TrustsOldKnown "trusts-old-known" ["MDNS-KA-02"]
        "Answers that are known but nearly forgotten are not given.",
    IgnoresTc "ignores-tc" ["MDNS-KA-04"]
        "It does not wait for the rest of a query with TC set.",
    PtrAlone "ptr-alone" ["SD-ADD-01", "XEP0174-DISC-05"]
        "A PTR answer comes without additional records.",
    SrvAlone "srv-alone" ["SD-ADD-02"]
        "An SRV answer comes without addresses.",
    NoGoodbye "no-goodbye" ["XEP0174-OFF-01", "XEP0174-OFF-05", "MDNS-BYE-01", "MDNS-BYE-02"]
        "It goes without a goodbye.",
    GoodbyePtrOnly "goodbye-ptr-only" ["MDNS-BYE-02"]
        "The goodbye is for the PTR record only.",
    GoodbyeOther "goodbye-other" ["MDNS-BYE-01"]
        "The goodbye for the SRV record has another port.",
    GoodbyeTtl "goodbye-ttl" ["XEP0174-OFF-01"]
        "The goodbye has the TTL 1.",
    AnswersOffline "answers-offline" ["XEP0174-OFF-04"]
        "Questions are answered after the goodbye too.",

    HugePackets "huge-packets" ["MDNS-RSP-17"]
        "Packets are filled up to more than 9000 bytes.",
    NeverGivesUp "never-gives-up" ["MDNS-CNF-02"]
        "A name that another defends is used all the same.",

    // Looking for others.
    Deaf "deaf" ["XEP0174-PRES-02"]
        "New presence of others is not noticed.",
    OnlyPlainNames "only-plain-names" ["SD-INST-02"]
        "Names with dots or beyond ASCII are not shown.",
    OnlyKnownKeys "only-known-keys" ["SD-TXT-07"]
        "Who has unknown keys is not shown.",
    NeedsAdditionals "needs-additionals" ["SD-ADD-03"]
        "Who does not say everything in one packet is not shown.",
    OddNames "odd-names" ["XEP0174-DISC-08"]
        "Others are shown by their user names without machine.",
    NeverCancels "never-cancels" ["XEP0174-OFF-02"]
        "Who has gone is asked about.",
    NeverAsks "never-asks" ["XEP0174-DISC-01"]
        "It does not look for others.",
    AsksAtOnce "asks-at-once" ["MDNS-QRY-03"]
        "The first question comes without delay.",
    AsksTooOften "asks-too-often" ["MDNS-QRY-01"]
        "It asks every second.",
    NeverAsksAgain "never-asks-again" ["MDNS-QRY-04"]
        "Records are not asked for again before they are forgotten.",
    QueryWithId "query-with-id" ["MDNS-QRY-06"]
        "Questions have an ID.",
    HidesKnown "hides-known" ["MDNS-KA-03"]
        "Questions do not list the answers that it has.",
    NeverForgets "never-forgets" ["MDNS-QRY-05", "MDNS-BYE-04", "XEP0174-OFF-03"]
        "Records are kept beyond their life.",
    IgnoresGoodbye "ignores-goodbye" ["XEP0174-OFF-03", "MDNS-BYE-04"]
        "A goodbye does not count.",
    NoGrace "no-grace" ["MDNS-BYE-03"]
        "A goodbye counts at once.",
    IgnoresFlush "ignores-flush" ["MDNS-CF-01", "XEP0174-DISC-07"]
        "The cache-flush bit does not count.",
    TrustsAnyPort "trusts-any-port" ["MDNS-RSP-19"]
        "Responses from any port count.",
    ShowsItself "shows-itself" ["XEP0174-DISC-02"]
        "It shows itself among the others.",
    NeedsTxt "needs-txt" ["SD-TXT-02", "SD-ADD-03"]
        "Who has no TXT record is not shown.",
    NeedsParameters "needs-parameters" ["XEP0174-TXT-04", "SD-TXT-02"]
        "Who has an empty TXT record is not shown.",
    AsksForSrv "asks-for-srv" ["XEP0174-DISC-03"]
        "It asks where everybody is though it wants nothing from them.",
    KeepsAsking "keeps-asking" ["XEP0174-DISC-04"]
        "It goes on asking where a peer is when it has been told.",
    MissingIsAway "missing-is-away" ["XEP0174-TXT-07"]
        "Who has no status is shown as away.",
    LastKeyCounts "last-key-counts" ["SD-TXT-05"]
        "Of a repeated key the last one counts.",
    KeyCaseMatters "key-case-matters" ["SD-TXT-06"]
        "Keys in capital letters are others.",
    AsksForKnownIcon "asks-for-known-icon" ["XEP0174-ICON-04", "XEP0174-ICON-05"]
        "An icon is asked for again and again.",
    NeverAsksForIcon "never-asks-for-icon" ["XEP0174-ICON-04"]
        "Icons are not asked for.",
    UsesPortInTxt "uses-port-in-txt" ["XEP0174-PORT-02"]
        "It connects to the port in port.p2pj.",

    // Streams.
    InitialNamespace "initial-namespace" ["XEP0174-STRM-01"]
        "The initial header has the content namespace of servers.",
    InitialWithoutAddresses "initial-without-addresses" ["XEP0174-STRM-02"]
        "The initial header has neither from nor to.",
    InitialWithoutVersion "initial-without-version" ["XEP0174-STRM-03"]
        "The initial header has no version.",
    NoHeader "no-header" ["XEP0174-STRM-04"]
        "A stream is accepted without a header of its own.",
    ResponseWithoutAddresses "response-without-addresses" ["XEP0174-STRM-05"]
        "The response header has neither from nor to.",
    NoFeatures "no-features" ["XEP0174-STRM-06"]
        "There are no stream features.",
    NeedsVersion "needs-version" ["XEP0174-STRM-07"]
        "A header without version is not answered.",
    SwallowsErrors "swallows-errors" ["XEP0174-STRM-09"]
        "Ill-formed XML ends the connection without a word.",
    AnyNamespace "any-namespace" ["XEP0174-STRM-10"]
        "The namespace of a stream does not count.",
    TalksTooEarly "talks-too-early" ["XEP0174-STRM-12"]
        "Stanzas follow the initial header at once.",
    NoDiscoFeature "no-disco-feature" ["XEP0174-CAP-03"]
        "What the application can do is not among the stream features.",
    ServesOnlyTold "serves-only-told" ["XEP0174-STRM-08"]
        "As long as somebody has an empty TXT record no stream is served.",
    OneFamily "one-family" ["XEP0174-STRM-11"]
        "Connections are accepted over IPv4 only.",
    AcceptsClear "accepts-clear" ["XEP0174-SEC-03"]
        "TLS is required, and stanzas in the clear are accepted.",
    NoTls "no-tls" ["XEP0174-SEC-01"]
        "TLS is not offered.",
    MessageAddresses "message-addresses" ["XEP0174-MSG-01"]
        "Messages are addressed to user names without machine.",
    DropsMessages "drops-messages" ["XEP0174-MSG-02"]
        "Messages are not shown.",
    SecondStream "second-stream" ["XEP0174-MSG-03"]
        "An answer goes over a stream of its own.",
    NoIqAnswers "no-iq-answers" ["XEP0174-MSG-04"]
        "Requests are not answered.",
    AsciiOnly "ascii-only" ["XEP0174-MSG-05"]
        "Characters beyond ASCII are lost.",
    TrustsFrom "trusts-from" ["XEP0174-MSG-06"]
        "A message is shown as from whomever it says.",
    PresenceStanza "presence-stanza" ["XEP0174-PRES-03"]
        "A new status is sent over streams too.",
    NoClosingTag "no-closing-tag" ["XEP0174-END-01"]
        "A closed stream is not closed in the other direction.",
    ClosesTcpOnly "closes-tcp-only" ["XEP0174-END-03", "XEP0174-END-04"]
        "A conversation ends with the connection, without a closing tag.",
    DoesNotWait "does-not-wait" ["XEP0174-END-03", "XEP0174-END-04"]
        "The connection is closed right after the closing tag.",
    KeepsTcp "keeps-tcp" ["XEP0174-END-02"]
        "The connection stays when the stream is closed.",
    DropsLate "drops-late" ["XEP0174-END-03"]
        "Messages that come after its closing tag are not shown.",
    DiesOfReset "dies-of-reset" ["XEP0174-END-05"]
        "After a connection was lost no other is accepted.",
}

impl PeerFault {
    /// The fault of that name.
    pub fn from_name(name: &str) -> Option<PeerFault> {
        PeerFault::ALL
            .iter()
            .copied()
            .find(|fault| fault.name() == name)
    }
}

impl std::fmt::Display for PeerFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for fault in PeerFault::ALL {
            assert_eq!(PeerFault::from_name(fault.name()), Some(*fault));
            assert!(!fault.requirements().is_empty());
        }
    }
}
