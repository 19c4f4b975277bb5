//! Deliberate bugs by name: each breaks one behaviour, so that a scenario can prove that it would notice.

macro_rules! faults {
    ($($variant:ident $name:literal [$($requirement:literal),+] $description:literal,)+) => {
        /// A deliberate bug. `Server` has none unless `Config::faults` names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $(#[doc = $description] $variant,)+
        }

        impl Fault {
            /// Every fault there is.
            pub const ALL: &'static [Fault] = &[$(Fault::$variant),+];

            /// The name by which users switch it on.
            pub fn name(self) -> &'static str {
                match self { $(Fault::$variant => $name,)+ }
            }

            /// What the broken server does, in one sentence.
            pub fn description(self) -> &'static str {
                match self { $(Fault::$variant => $description,)+ }
            }

            /// The requirements that the broken server violates.
            pub fn requirements(self) -> &'static [&'static str] {
                match self { $(Fault::$variant => &[$($requirement),+],)+ }
            }
        }
    };
}

faults! {
    // Stream headers
    HeaderNotAnswered "header-not-answered" ["RFC6120-4.1-1", "RFC6120-4.5-1", "RFC6120-5.4.1-1"]
        "The server closes the connection where a response header is due, from the second connection on.",
    HeaderWithoutDeclaration "header-without-declaration" ["RFC6120-11.5-1", "RFC6120-4.3.3-7"]
        "The response header has no XML declaration before it.",
    HeaderWithoutId "header-without-id" ["RFC6120-4.7.3-6", "RFC6120-4.7.3-1"]
        "The response header has no 'id'.",
    HeaderIdConstant "header-id-constant" ["RFC6120-4.7.3-2", "RFC6120-4.7.3-3", "RFC6120-4.3.3-6", "RFC6120-5.4.3.3-6", "RFC6120-6.4.1-2"]
        "Every response header has the same 'id'.",
    HeaderIdAfterSasl "header-id-after-sasl" ["RFC6120-6.4.6-8"]
        "The response header after SASL has the 'id' of the first one.",
    HeaderIdEchoed "header-id-echoed" ["RFC6120-4.7.3-5"]
        "The response header has the 'id' that the client sent.",
    HeaderWithoutFrom "header-without-from" ["RFC6120-4.7.1-3"]
        "The response header has no 'from'.",
    HeaderFromElse "header-from-else" ["RFC6120-4.7.1-4"]
        "The response header comes from a domain that is not the server's.",
    HeaderFromEchoed "header-from-echoed" ["RFC6120-4.9.1.3-1"]
        "The response header comes from whatever host the client asked for.",
    HeaderWithoutTo "header-without-to" ["RFC6120-4.7.2-3"]
        "The response header has no 'to' although the client sent 'from'.",
    HeaderAlwaysTo "header-always-to" ["RFC6120-4.7.2-4"]
        "The response header has a 'to' although the client sent no 'from'.",
    HeaderRemembersFrom "header-remembers-from" ["RFC6120-5.4.3.3-2"]
        "The response header after TLS has a 'to' from before TLS.",
    HeaderWithoutLang "header-without-lang" ["RFC6120-4.7.4-3"]
        "The response header has no 'xml:lang'.",
    HeaderLangMalformed "header-lang-malformed" ["RFC6120-4.7.4-1"]
        "The 'xml:lang' of the response header is no language tag.",
    HeaderLangEchoed "header-lang-echoed" ["RFC6120-4.7.4-6"]
        "The response header has the client's language, which the server does not speak.",
    HeaderEchoesVersion "header-echoes-version" ["RFC6120-4.7.5-6", "RFC6120-4.7.5-1", "RFC6120-4.7.5-7"]
        "The response header repeats the client's version instead of the lower one.",
    HeaderVersionWithZeros "header-version-with-zeros" ["RFC6120-4.7.5-3"]
        "The version in the response header has a leading zero.",
    HeaderAlwaysVersion "header-always-version" ["RFC6120-4.7.5-10"]
        "The response header has a version although the client's has none.",
    HeaderWrongNamespace "header-wrong-namespace" ["RFC6120-4.8.1-2"]
        "The root of the response is not in the namespace of streams, from the second connection on.",
    HeaderOtherContent "header-other-content" ["RFC6120-4.8.2-3"]
        "The response stream has another content namespace than the initial one.",
    HeaderContentIsStreams "header-content-is-streams" ["RFC6120-4.8.2-2"]
        "The content namespace of the response is that of streams.",
    VersionZerosRefused "version-zeros-refused" ["RFC6120-4.7.5-2"]
        "A version with leading zeros is refused.",
    VersionMinorRefused "version-minor-refused" ["RFC6120-4.7.5-4"]
        "A greater minor version is refused.",
    ClientWithoutFromRefused "client-without-from-refused" ["RFC6120-4.7.1-7"]
        "A header without 'from' is refused, from the second connection on.",
    ClientNamespaceRefused "client-namespace-refused" ["RFC6120-4.8.3-6"]
        "The content namespace jabber:client is refused, from the second connection on.",
    StreamNamespaceIgnored "stream-namespace-ignored" ["RFC6120-4.8.1-3"]
        "A header in a wrong namespace is accepted.",
    StreamPrefixSilent "stream-prefix-silent" ["RFC6120-4.8.5-2"]
        "A stream prefix that is not accepted ends the connection without an error.",
    // Features and restarts
    FeaturesMissing "features-missing" ["RFC6120-4.3.2-1", "RFC6120-5.4.1-2"]
        "The first stream is closed where features are due, from the second connection on.",
    FeaturesMissingAfterTls "features-missing-after-tls" ["RFC6120-4.3.4-1", "RFC6120-5.4.3.3-7", "RFC6120-6.4.1-3"]
        "The stream after TLS is closed where features are due, from the second connection on.",
    FeaturesMissingAfterSasl "features-missing-after-sasl" ["RFC6120-4.3.4-1", "RFC6120-6.4.6-9"]
        "The stream after SASL is closed where features are due.",
    FeaturesAfterBinding "features-after-binding" ["RFC6120-4.3.5-1"]
        "Features are sent once more when the negotiation is complete.",
    RestartWithClosingTag "restart-with-closing-tag" ["RFC6120-4.3.3-2"]
        "The server closes the stream that a restart replaces, from the second connection on.",
    RestartAfterTlsDropped "restart-after-tls-dropped" ["RFC6120-4.3.3-3", "RFC6120-5.3.2-1", "RFC6120-5.4.3.3-5"]
        "The connection is closed when the client restarts the stream after TLS, from the second connection on.",
    RestartAfterSaslDropped "restart-after-sasl-dropped" ["RFC6120-4.3.3-3", "RFC6120-6.4.6-7"]
        "The connection is closed when the client restarts the stream after SASL.",
    DeliversBeforeTls "delivers-before-tls" ["RFC6120-5.3.1-2"]
        "A stanza is delivered before TLS, which is mandatory.",
    DeliversBeforeLogin "delivers-before-login" ["RFC6120-4.3.5-5", "RFC6120-4.9.3.12-1", "RFC6120-13.12-1"]
        "A stanza is delivered before authentication.",
    AnswersBeforeLogin "answers-before-login" ["RFC6120-4.3.5-6"]
        "A stanza before authentication is answered with an error and does not end the stream.",
    // The end of streams, and stream errors
    ClosingNeverGivesUp "closing-never-gives-up" ["RFC6120-4.4-4"]
        "The server waits for ever for the client's closing tag.",
    ClosingKeepsConnection "closing-keeps-connection" ["RFC6120-4.4-5"]
        "The connection stays open although both sides have closed their streams.",
    CloseNotifyMissing "close-notify-missing" ["RFC6120-4.4-6"]
        "TLS ends without close_notify.",
    StreamErrorsUnsaid "stream-errors-unsaid" ["RFC6120-4.9-1", "RFC6120-4.9.1.1-1"]
        "The server closes the stream without the error.",
    StreamErrorsWithoutClosing "stream-errors-without-closing" ["RFC6120-4.9.1.1-2"]
        "After a stream error comes no closing tag.",
    StreamErrorsIgnored "stream-errors-ignored" ["RFC6120-4.9.1.1-4"]
        "The client's stream error is not answered with a closing tag.",
    StreamErrorsBeforeHeader "stream-errors-before-header" ["RFC6120-4.9.1.2-1"]
        "An error of the client's header comes without a response header.",
    StreamErrorsInSetupUnsaid "stream-errors-in-setup-unsaid" ["RFC6120-4.9.1.2-2"]
        "An error of the client's header is not said.",
    StreamErrorsUndefined "stream-errors-undefined" ["RFC6120-4.9.2-1"]
        "Stream errors have a condition that is not defined.",
    StreamErrorTextWithoutLang "stream-error-text-without-lang" ["RFC6120-4.9.2-5"]
        "The text of a stream error has no 'xml:lang'.",
    ConditionBadFormat "condition-bad-format" ["RFC6120-4.9.3.1-1"]
        "XML that is not well-formed is called bad-format.",
    ConditionNotWellFormed "condition-not-well-formed" ["RFC6120-11.3-3", "RFC6120-11.3-7"]
        "XML that is not well-formed is called policy-violation.",
    ConditionRestrictedXml "condition-restricted-xml" ["RFC6120-11.1-9", "RFC6120-11.5-5"]
        "Restricted XML is called not-well-formed.",
    ConditionEncoding "condition-encoding" ["RFC6120-4.9.3.22-1", "RFC6120-11.6-4"]
        "Bytes that are not UTF-8 are called not-well-formed.",
    ConditionHostUnknown "condition-host-unknown" ["RFC6120-4.9.3.6-1"]
        "An unknown host is called bad-format.",
    ConditionNamespace "condition-namespace" ["RFC6120-4.8.1-4", "RFC6120-4.9.3.10-1"]
        "A wrong namespace is called not-well-formed.",
    ConditionPrefix "condition-prefix" ["RFC6120-4.8.5-3", "RFC6120-4.9.3.2-1"]
        "A wrong stream prefix is called not-well-formed.",
    ConditionStanzaType "condition-stanza-type" ["RFC6120-4.8.4-4", "RFC6120-4.9.3.24-1"]
        "An element that is no stanza is called not-well-formed.",
    ConditionVersion "condition-version" ["RFC6120-4.9.3.25-1"]
        "An unsupported version is called not-well-formed, and none but 1.0 is supported.",
    ConditionTooLarge "condition-too-large" ["RFC6120-13.12-7"]
        "A stanza over the limit is called not-well-formed.",
    ConditionNotAuthorized "condition-not-authorized" ["RFC6120-4.3.5-6", "RFC6120-7.1-5"]
        "A stanza that comes too early is called bad-format.",
    // XML
    SilentOnComment "silent-on-comment" ["RFC6120-11.1-5"]
        "A comment ends the connection without an error.",
    SilentOnInstruction "silent-on-instruction" ["RFC6120-11.1-6"]
        "A processing instruction ends the connection without an error.",
    SilentOnDoctype "silent-on-doctype" ["RFC6120-11.1-7"]
        "A document type declaration ends the stream without an error.",
    SilentOnEntity "silent-on-entity" ["RFC6120-11.1-8"]
        "An entity reference ends the connection without an error.",
    SilentOnStandalone "silent-on-standalone" ["RFC6120-11.5-4"]
        "A standalone declaration ends the connection without an error.",
    SilentOnEncoding "silent-on-encoding" ["RFC6120-11.6-3"]
        "Another encoding than UTF-8 ends the connection without an error.",
    BrokenXmlDelivered "broken-xml-delivered" ["RFC6120-11.3-2", "RFC6120-11.3-6"]
        "XML that is not well-formed is delivered, to everybody.",
    EscapesLost "escapes-lost" ["RFC6120-11.3-1"]
        "What was escaped in a stanza is delivered without its escapes.",
    DeclarationsLost "declarations-lost" ["RFC6120-11.3-5"]
        "Stanzas are delivered without the declarations of their prefixes.",
    AsciiOnly "ascii-only" ["RFC6120-11.6-1"]
        "Characters beyond ASCII are delivered as question marks.",
    ZeroWidthEaten "zero-width-eaten" ["RFC6120-11.6-6"]
        "U+FEFF is taken for a byte order mark and not delivered.",
    StanzasSmall "stanzas-small" ["RFC6120-13.12-6"]
        "Stanzas of more than 5000 bytes are refused.",
    ForeignElementsDelivered "foreign-elements-delivered" ["RFC6120-4.8.4-2"]
        "An element that is no stanza is delivered.",
    ForeignElementsAnswered "foreign-elements-answered" ["RFC6120-4.8.4-3"]
        "An element that is no stanza is answered like one.",
    PrefixedStanzasAccepted "prefixed-stanzas-accepted" ["RFC6120-4.8.5-5", "RFC6120-4.8.5-7"]
        "A stanza with a prefix is accepted.",
    NamespacesLost "namespaces-lost" ["RFC6120-4.8.5-8", "RFC6120-4.8.5-11", "RFC6120-8.4-14"]
        "What is inside a stanza is delivered without its namespaces.",
    ServerNamespaceDelivered "server-namespace-delivered" ["RFC6120-4.8.3-8"]
        "Stanzas are delivered in the namespace jabber:server.",
    // TLS
    StarttlsNotOffered "starttls-not-offered" ["RFC6120-5.4.1-3", "RFC7590-3.1-1"]
        "TLS is not offered.",
    StarttlsNotRequired "starttls-not-required" ["RFC6120-5.4.1-4"]
        "TLS is mandatory but not marked as required.",
    StarttlsRefused "starttls-refused" ["RFC6120-5.2-1", "RFC6120-13.4-1", "RFC6120-5.4.2.3-1"]
        "A request for TLS is refused, from the second connection on.",
    StarttlsUnanswered "starttls-unanswered" ["RFC6120-5.4.2.1-1", "RFC6120-5.4.2.3-1"]
        "A request for TLS is answered with something else than proceed or failure, from the second connection on.",
    StarttlsThenXml "starttls-then-xml" ["RFC6120-5.4.2.3-2", "RFC6120-5.4.3.1-1", "RFC6120-5.4.3.1-2", "RFC6120-5.4.3.1-3"]
        "XML follows proceed, where the handshake is due, from the second connection on.",
    StarttlsInTls "starttls-in-tls" ["RFC6120-5.4.2.2-1"]
        "A second request for TLS is granted.",
    StarttlsAfterTls "starttls-after-tls" ["RFC6120-5.4.3.3-8"]
        "TLS is offered again under TLS.",
    StarttlsFailureWithoutClosing "starttls-failure-without-closing" ["RFC6120-5.4.2.2-2"]
        "A refusal of TLS is not followed by a closing tag.",
    StarttlsFailureKeepsConnection "starttls-failure-keeps-connection" ["RFC6120-5.4.2.2-3"]
        "A refusal of TLS leaves the connection open.",
    HandshakeFailureKeepsConnection "handshake-failure-keeps-connection" ["RFC6120-5.4.3.2-1"]
        "A failed handshake leaves the connection open.",
    PlainAfterTls "plain-after-tls" ["RFC6120-5.4.3.1-10"]
        "What the server says after the handshake is not protected, from the second connection on.",
    Tls12Refused "tls12-refused" ["RFC7590-3-3"]
        "TLS 1.2 is not supported.",
    SaslBeforeTls "sasl-before-tls" ["RFC6120-5.3.1-3"]
        "SASL is offered before TLS, which is mandatory.",
    PlainBeforeTls "plain-before-tls" ["RFC6120-13.8.3-8", "RFC6120-5.3.1-3"]
        "PLAIN is offered on an unprotected stream.",
    // SASL
    SaslNotOffered "sasl-not-offered" ["RFC6120-5.4.3.3-9", "RFC6120-6.4.1-4"]
        "SASL is not offered after TLS.",
    MechanismsEmpty "mechanisms-empty" ["RFC6120-6.4.1-5"]
        "The list of mechanisms is empty.",
    ScramSha1Missing "scram-sha1-missing" ["RFC6120-13.8.1-1", "RFC6120-13.8.3-1"]
        "SCRAM-SHA-1 is not offered.",
    NobodyLogsIn "nobody-logs-in" ["RFC6120-6.2-1", "RFC6120-13.5-1"]
        "Every login fails.",
    LoginBeforeTls "login-before-tls" ["RFC6120-13.3-1"]
        "A login before TLS succeeds, though TLS is mandatory.",
    ChannelBindingIgnored "channel-binding-ignored" ["RFC6120-13.8.1-4"]
        "A wrong channel binding authenticates.",
    AuthzidIgnored "authzid-ignored" ["RFC6120-6.3.8-5", "RFC6120-6.5.6-1"]
        "Everybody may act as everybody.",
    InitialResponseRefused "initial-response-refused" ["RFC6120-6.3.10-1"]
        "An initial response is malformed.",
    InitialResponseNeeded "initial-response-needed" ["RFC6120-6.3.10-5"]
        "A request without initial response is malformed.",
    SuccessWithoutData "success-without-data" ["RFC6120-6.3.10-4"]
        "What belongs into success is sent in a challenge before it.",
    SecondAuthRefused "second-auth-refused" ["RFC6120-6.4.2-4"]
        "A second request during a handshake fails.",
    ChallengeEmpty "challenge-empty" ["RFC6120-6.4.3-2"]
        "The challenge of SCRAM is empty.",
    AbortUnnamed "abort-unnamed" ["RFC6120-6.4.4-1", "RFC6120-6.5.1-1"]
        "An abort is answered with not-authorized.",
    FailureUnsaid "failure-unsaid" ["RFC6120-6.4.5-1"]
        "A failed login ends the stream without failure.",
    OneAttempt "one-attempt" ["RFC6120-6.4.5-2"]
        "One failed login ends the stream.",
    AttemptsUnlimited "attempts-unlimited" ["RFC6120-6.4.5-5", "RFC6120-13.9.4-4"]
        "Any number of failed logins is allowed.",
    HeaderFromIgnored "header-from-ignored" ["RFC6120-6.4.6-1", "RFC6120-6.4.6-2"]
        "A client may log in as another user than its header says.",
    Base64EndsStream "base64-ends-stream" ["RFC6120-13.9.1-1", "RFC6120-13.9.1-4"]
        "Data that is not base64 ends the stream.",
    Base64Breaks "base64-breaks" ["RFC6120-13.9.1-3"]
        "After data that is not base64 nobody can log in on the stream.",
    Base64Lenient "base64-lenient" ["RFC6120-13.9.1-2"]
        "Letters that are not base64 are skipped.",
    ConditionEncryptionRequired "condition-encryption-required" ["RFC6120-6.5.4-1"]
        "A login before TLS fails with temporary-auth-failure.",
    ConditionIncorrectEncoding "condition-incorrect-encoding" ["RFC6120-6.5.5-1"]
        "Data that is not base64 fails with temporary-auth-failure.",
    ConditionInvalidAuthzid "condition-invalid-authzid" ["RFC6120-6.5.6-1"]
        "A wrong authorization identity fails with not-authorized.",
    ConditionInvalidMechanism "condition-invalid-mechanism" ["RFC6120-6.5.7-1"]
        "An unknown mechanism fails with not-authorized.",
    ConditionMalformedRequest "condition-malformed-request" ["RFC6120-6.5.8-1"]
        "A malformed request fails with temporary-auth-failure.",
    ConditionWrongPassword "condition-wrong-password" ["RFC6120-6.5.10-1"]
        "A wrong password fails with temporary-auth-failure.",
    UnknownUserTold "unknown-user-told" ["RFC6120-6.5.10-2"]
        "A user who does not exist fails with account-disabled.",
    // Binding
    BindNotOffered "bind-not-offered" ["RFC6120-7.4-1"]
        "Binding is not offered after SASL.",
    BindOfferedEarly "bind-offered-early" ["RFC6120-7.4-2"]
        "Binding is offered before SASL.",
    BindWithoutLogin "bind-without-login" ["RFC7590-3.4-2"]
        "A resource is bound without authentication.",
    BindNeedsResource "bind-needs-resource" ["RFC6120-7.2-1", "RFC6120-7.6-1", "RFC6120-7.6.1-1"]
        "The server makes no resources itself.",
    BindWithoutJid "bind-without-jid" ["RFC6120-7.6.1-2", "RFC6120-7.1-2"]
        "The result of binding has no address.",
    BindOtherAccount "bind-other-account" ["RFC6120-4.3.6-2"]
        "The bound address has another localpart than the one that was authenticated.",
    BindConstant "bind-constant" ["RFC6120-7.5-1", "RFC6120-7.6-2"]
        "Every resource that the server makes is the same.",
    BindOverrides "bind-overrides" ["RFC6120-7.7.1-1", "RFC6120-7.7.1-2"]
        "The resource that the client asks for is ignored.",
    BindEmptyRefused "bind-empty-refused" ["RFC6120-7.7.2.1-1"]
        "An empty resource is refused.",
    BindLongAccepted "bind-long-accepted" ["RFC7622-3.4-4"]
        "A resource of any length is accepted.",
    BindConflictUnnamed "bind-conflict-unnamed" ["RFC6120-7.7.2.2-1", "RFC6120-7.7.2.2-2"]
        "A conflict of resources is called not-allowed.",
    BindNeedsRestart "bind-needs-restart" ["RFC6120-7.3.2-1"]
        "After binding the server expects a new stream.",
    DeliversBeforeBinding "delivers-before-binding" ["RFC6120-7.1-4", "RFC6120-7.3.1-1"]
        "A stanza is delivered before a resource is bound.",
    AnswersBeforeBinding "answers-before-binding" ["RFC6120-7.1-5"]
        "A stanza before binding is answered with an error and does not end the stream.",
    BindOneResource "bind-one-resource" ["RFC6120-7.1-3"]
        "An account may have one resource only.",
    // Addresses, ids, languages
    FromKept "from-kept" ["RFC6120-8.1.2.1-1"]
        "The sender may be forged.",
    FromMissing "from-missing" ["RFC6120-8.1.2.1-5", "RFC6120-8.1.2.1-1"]
        "Stanzas are delivered without a sender.",
    FromOtherResource "from-other-resource" ["RFC6120-4.3.6-3"]
        "Stanzas come from another resource than the one that was bound.",
    ToRewritten "to-rewritten" ["RFC6120-8.1.1.1-3", "RFC6121-8.5.2.1.1-17"]
        "A stanza to the bare JID is delivered with the full one in 'to'.",
    AnswerToBare "answer-to-bare" ["RFC6120-8.1.1.1-5"]
        "An answer of the server is addressed to the bare JID.",
    AnswerFromAccount "answer-from-account" ["RFC6120-8.1.2.1-3", "RFC6120-10.5.1-1"]
        "What the server answers for itself comes from the client's account.",
    AnswerFromServer "answer-from-server" ["RFC6120-8.1.2.1-4"]
        "What the server answers for the account comes from the domain.",
    AnswerWithoutId "answer-without-id" ["RFC6120-8.1.3-3", "RFC6120-8.2.3-7", "RFC6120-8.3.1-4", "RFC6120-8.3.1-5"]
        "Answers have no 'id'.",
    AnswerWithOtherId "answer-with-other-id" ["RFC6120-8.1.3-4", "RFC6120-8.2.3-7", "RFC6120-8.3.1-6"]
        "Answers have another 'id' than the question.",
    LangDropped "lang-dropped" ["RFC6120-8.1.5-6", "RFC6120-4.7.4-10"]
        "Stanzas lose their 'xml:lang'.",
    LangNotAdded "lang-not-added" ["RFC6120-4.7.4-7", "RFC6120-4.7.4-8", "RFC6120-8.1.5-3"]
        "Stanzas do not get the language of the stream.",
    LangOfServerAdded "lang-of-server-added" ["RFC6120-4.7.4-9"]
        "Stanzas without a language get the server's.",
    // Stanzas and their errors
    MessagesDropped "messages-dropped" ["RFC6120-8-1", "RFC6120-8.2.1-1", "RFC6120-10.5.4-2", "RFC6121-8.5.3.1-4"]
        "Messages to a full JID are not delivered.",
    MessagesToBareDropped "messages-to-bare-dropped" ["RFC6120-10.5.3.2-1", "RFC6121-8.5.2.1.1-3", "RFC6121-8.5.2.1.1-6", "RFC6121-8.5.2.1.1-12"]
        "Messages to a bare JID are not delivered.",
    MessagesSwapped "messages-swapped" ["RFC6120-10.1-2"]
        "Of two messages the second is delivered first.",
    MessagesToAllResources "messages-to-all-resources" ["RFC6120-10.5.4-2"]
        "A message to a full JID reaches all resources.",
    MessageToNobodyDropped "message-to-nobody-dropped" ["RFC6120-10.3-1", "RFC6120-10.3.1-1"]
        "A message without 'to' is dropped.",
    DirectedPresenceDropped "directed-presence-dropped" ["RFC6120-8.2.2-3", "RFC6120-10.5.3.2-3", "RFC6121-4.6.3-3", "RFC6121-8.5.3.1-5"]
        "Directed presence is not delivered.",
    UnknownPayloadStripped "unknown-payload-stripped" ["RFC6120-8.4-14"]
        "What the server does not understand is not delivered.",
    RequestUnanswered "request-unanswered" ["RFC6120-8.2.3-5", "RFC6121-8.5.2.1.3-1"]
        "A request that the server does not understand is not answered.",
    RequestAnsweredTwice "request-answered-twice" ["RFC6120-8.2.3-5"]
        "A request is answered twice.",
    AnswerWithoutType "answer-without-type" ["RFC6120-8.2.3-2", "RFC6120-8.3-2"]
        "Answers have no 'type'.",
    RequestOfAnyType "request-of-any-type" ["RFC6120-8.2.3-3"]
        "An iq of an unknown type is a get.",
    AnswersAnswered "answers-answered" ["RFC6120-8.2.3-8", "RFC6120-10.3.3-4"]
        "Results and errors are answered with an error.",
    ErrorWithoutError "error-without-error" ["RFC6120-8.2.3-13", "RFC6120-8.3.1-7"]
        "Error stanzas have no error child.",
    ErrorEndsStream "error-ends-stream" ["RFC6120-8.3-1"]
        "An error stanza is followed by the end of the stream.",
    ErrorTypeResult "error-type-result" ["RFC6120-8.3-2"]
        "Error stanzas have another type than error.",
    ErrorUnsent "error-unsent" ["RFC6120-8.3.1-1", "RFC6120-8.3.1-2"]
        "There are no error stanzas.",
    ErrorNotSwapped "error-not-swapped" ["RFC6120-8.3.1-3"]
        "The addresses of an error are those of the stanza.",
    ErrorToError "error-to-error" ["RFC6120-8.3.1-12"]
        "Errors are answered with errors.",
    ErrorTypeUnknown "error-type-unknown" ["RFC6120-8.3.2-1"]
        "The type of an error is not a defined one.",
    ErrorTypeOther "error-type-other" ["RFC6120-8.3.3-1", "RFC6120-8.3.3.1-1", "RFC6120-8.3.3.8-1", "RFC6120-8.3.3.19-1"]
        "The type of an error is not the recommended one.",
    ErrorConditionNamespace "error-condition-namespace" ["RFC6120-8.3.2-2"]
        "The condition of an error is in the wrong namespace.",
    ErrorTextNamespace "error-text-namespace" ["RFC6120-8.3.2-5"]
        "The text of an error is in the wrong namespace.",
    ErrorTextWithoutLang "error-text-without-lang" ["RFC6120-8.3.2-6"]
        "The text of an error has no language.",
    PrefixMatters "prefix-matters" ["RFC6120-8.4-7"]
        "A request with a prefix is not understood.",
    UnknownNotImplemented "unknown-not-implemented" ["RFC6120-8.4-12", "RFC6120-10.3.3-3", "RFC6121-8.5.2.1.3-3"]
        "A request in an unknown namespace is called feature-not-implemented.",
    RequestToNobodyRefused "request-to-nobody-refused" ["RFC6120-10.3.3-1", "RFC6120-10.3.3-2"]
        "A request without 'to' is refused.",
    RemoteUnanswered "remote-unanswered" ["RFC6120-10.4.3-1"]
        "A stanza to an unknown domain is dropped.",
    RemoteTimeout "remote-timeout" ["RFC6120-10.4.3-2"]
        "A stanza to an unknown domain comes back with another condition.",
    DomainResourceUnanswered "domain-resource-unanswered" ["RFC6120-10.5.2-1"]
        "A request to a resource of the domain is not answered from there.",
    NobodyMessage "nobody-message" ["RFC6120-10.5.3.1-1", "RFC6121-8.5.1-2"]
        "A message to an account that does not exist is item-not-found.",
    NobodyPresence "nobody-presence" ["RFC6120-10.5.3.1-2", "RFC6121-8.5.1-3"]
        "Presence to an account that does not exist comes back.",
    NobodyRequest "nobody-request" ["RFC6120-10.5.3.1-3", "RFC6121-8.5.1-1"]
        "A request to an account that does not exist is item-not-found.",
    RequestToBareDelivered "request-to-bare-delivered" ["RFC6120-10.5.3.2-5", "RFC6121-8.5.2.1.3-2"]
        "A request to a bare JID is answered, and delivered to a client too.",
    // Rosters
    RosterSetsLate "roster-sets-late" ["RFC6120-10.1-1", "RFC6120-10.1-6"]
        "A roster set takes effect after the next request.",
    RosterForgets "roster-forgets" ["RFC6121-2-2", "RFC6121-2.1.4-1", "RFC6121-2.3.2-1"]
        "Items are not stored.",
    RosterOfAnother "roster-of-another" ["RFC6121-2-3"]
        "Everybody may read and set everybody's roster.",
    RosterOfAnotherUnnamed "roster-of-another-unnamed" ["RFC6121-2.1.5-3", "RFC6121-2.3.3-2"]
        "A set of somebody else's roster is not called forbidden.",
    RosterItemWithoutJid "roster-item-without-jid" ["RFC6121-2.1.2.3-3", "RFC6121-2.3.3-1"]
        "An item without a jid is accepted.",
    RosterItemsWithoutJid "roster-items-without-jid" ["RFC6121-2.1.2.3-1"]
        "Items that the server sends have no jid.",
    RosterSubscriptionSettable "roster-subscription-settable" ["RFC6121-2.1.2.5-4", "RFC6121-2.1.5-2"]
        "A client may set a subscription.",
    RosterGroupsKept "roster-groups-kept" ["RFC6121-2.1.2.6-2", "RFC6121-2.4.1-1"]
        "An update leaves the old groups.",
    RosterEmptyResult "roster-empty-result" ["RFC6121-2.1.4-2"]
        "The result for an empty roster is empty.",
    RosterEmptyError "roster-empty-error" ["RFC6121-2.1.4-3", "RFC6121-2.1.4-2"]
        "An empty roster is an error.",
    RosterPushEmpty "roster-push-empty" ["RFC6121-2.1.6-1"]
        "Roster pushes have no item.",
    RosterPushNotToSender "roster-push-not-to-sender" ["RFC6121-2.3.2-3", "RFC6121-2.4.2-2"]
        "The resource that set an item gets no push.",
    RosterPushToSenderOnly "roster-push-to-sender-only" ["RFC6121-2.2-2", "RFC6121-2.3.2-3"]
        "Only the resource that set an item gets a push.",
    RosterSetUnanswered "roster-set-unanswered" ["RFC6121-2.3.2-2"]
        "A roster set that makes an item has no result.",
    RosterUpdateUnanswered "roster-update-unanswered" ["RFC6121-2.4.2-3"]
        "A roster set that changes an item has no result.",
    RosterRemoveUnanswered "roster-remove-unanswered" ["RFC6121-2.5.2-3"]
        "A roster set that removes an item has no result.",
    RosterManyItems "roster-many-items" ["RFC6121-2.3.3-3"]
        "A set of two items is accepted.",
    RosterDoubleGroups "roster-double-groups" ["RFC6121-2.3.3-4"]
        "A set with a group twice is accepted.",
    RosterEmptyGroups "roster-empty-groups" ["RFC6121-2.3.3-6"]
        "A set with an empty group is accepted.",
    RosterUpdateIgnored "roster-update-ignored" ["RFC6121-2.4.2-1"]
        "An item that is there is not changed.",
    RosterRemoveIgnored "roster-remove-ignored" ["RFC6121-2.5.2-1"]
        "A removed item stays.",
    RosterRemovePushedAsNone "roster-remove-pushed-as-none" ["RFC6121-2.5.2-2"]
        "A removal is pushed as an item without subscription.",
    RosterRemoveKeepsSubscription "roster-remove-keeps-subscription" ["RFC6121-2.5.2-4"]
        "A removal does not end the subscription.",
    RosterRemoveUnknown "roster-remove-unknown" ["RFC6121-2.5.3-1"]
        "A removal of what is not there succeeds.",
    // Subscriptions
    RequestFromFull "request-from-full" ["RFC6120-8.1.2.1-2", "RFC6121-3.1.2-6"]
        "A subscription request comes from the full JID.",
    ApprovalFromFull "approval-from-full" ["RFC6121-3.1.5-1"]
        "An approval comes from the full JID.",
    CancelFromFull "cancel-from-full" ["RFC6121-3.2.2-7"]
        "A cancellation comes from the full JID.",
    UnsubscribeFromFull "unsubscribe-from-full" ["RFC6121-3.3.2-3"]
        "An unsubscribe comes from the full JID.",
    RequestDropped "request-dropped" ["RFC6121-3.1.2-4", "RFC6121-3.1.3-5", "RFC6121-A.2.1-2", "RFC6121-A.3.1-3"]
        "A subscription request is not delivered.",
    RequestNotPushed "request-not-pushed" ["RFC6121-3.1.2-8"]
        "A subscription request is not pushed.",
    RequestWithoutAsk "request-without-ask" ["RFC6121-3.1.2-8", "RFC6121-A.2.1-1", "RFC6121-2.1.2.2-1"]
        "Items have no 'ask'.",
    RequestApproved "request-approved" ["RFC6121-3.1.3-4"]
        "The server approves requests itself, at once.",
    RequestToOneResource "request-to-one-resource" ["RFC6121-3.1.3-8"]
        "A request is delivered to one resource only.",
    RequestStripped "request-stripped" ["RFC6121-3.1.3-11"]
        "A request is stored without what is inside.",
    RequestNotStored "request-not-stored" ["RFC6121-3.1.3-12"]
        "A request does not wait for the contact.",
    RequestDeliveredOnce "request-delivered-once" ["RFC6121-3.1.3-13"]
        "A request that was delivered does not come again.",
    RequestRepeated "request-repeated" ["RFC6121-3.1.3-14"]
        "A stored request is delivered twice.",
    RequestMakesItem "request-makes-item" ["RFC6121-3.1.3-16", "RFC6121-A.1-2"]
        "A request makes an item in the contact's roster.",
    ApprovalLost "approval-lost" ["RFC6121-3.1.5-2", "RFC6121-3.1.6-2"]
        "An approval is not delivered.",
    ApprovalNotPushed "approval-not-pushed" ["RFC6121-3.1.5-3"]
        "An approval is not pushed to who gave it.",
    ApprovalNotPushedToUser "approval-not-pushed-to-user" ["RFC6121-3.1.6-4"]
        "An approval is not pushed to who got it.",
    ApprovalWithoutPresence "approval-without-presence" ["RFC6121-3.1.5-4", "RFC6121-3.1.6-5"]
        "An approval is not followed by presence.",
    ApprovalUnsolicited "approval-unsolicited" ["RFC6121-3.1.6-1", "RFC6121-3.1.6-7"]
        "An approval that nobody asked for is delivered.",
    ApprovalStateKept "approval-state-kept" ["RFC6121-A.2.3-3"]
        "An approval does not change the state of who gave it.",
    ApprovalStateKeptByUser "approval-state-kept-by-user" ["RFC6121-A.3.3-5"]
        "An approval does not change the state of who got it.",
    PushBeforeDelivery "push-before-delivery" ["RFC6121-3.1.6-3", "RFC6121-3.2.3-3", "RFC6121-3.3.3-3"]
        "The push comes before the subscription stanza that it goes with.",
    CancelLost "cancel-lost" ["RFC6121-3.2.3-2"]
        "A cancellation is not delivered.",
    CancelNotPushed "cancel-not-pushed" ["RFC6121-3.2.2-8"]
        "A cancellation is not pushed to who made it.",
    CancelNotPushedToUser "cancel-not-pushed-to-user" ["RFC6121-3.2.3-4"]
        "A cancellation is not pushed to who lost the subscription.",
    CancelWithoutUnavailable "cancel-without-unavailable" ["RFC6121-3.2.2-5", "RFC6121-3.2.3-5"]
        "A cancellation is not preceded by unavailable presence.",
    CancelBeforeUnavailable "cancel-before-unavailable" ["RFC6121-3.2.2-6"]
        "Unavailable presence follows a cancellation instead of preceding it.",
    CancelStateKept "cancel-state-kept" ["RFC6121-A.3.4-8"]
        "A cancellation does not change the state of who lost the subscription.",
    UnsubscribeLost "unsubscribe-lost" ["RFC6121-3.3.2-1", "RFC6121-3.3.3-2", "RFC6121-A.2.2-5"]
        "An unsubscribe is not delivered.",
    UnsubscribeNotPushed "unsubscribe-not-pushed" ["RFC6121-3.3.2-4"]
        "An unsubscribe is not pushed.",
    UnsubscribeWithoutUnavailable "unsubscribe-without-unavailable" ["RFC6121-3.3.3-5"]
        "Who unsubscribes is not told that the contact is unavailable.",
    UnsubscribeNotPushedToContact "unsubscribe-not-pushed-to-contact" ["RFC6121-3.3.3-4"]
        "An unsubscribe is not pushed to the contact.",
    UnsubscribeStateKept "unsubscribe-state-kept" ["RFC6121-3.3.2-4"]
        "An unsubscribe does not change the state of who sent it.",
    UnsubscribeStateKeptByContact "unsubscribe-state-kept-by-contact" ["RFC6121-A.3.2-10"]
        "An unsubscribe does not change the state of the contact.",
    // Presence
    PresenceToEverybody "presence-to-everybody" ["RFC6121-11-2", "RFC6121-11-3"]
        "Presence is broadcast to strangers.",
    PresenceNotBroadcast "presence-not-broadcast" ["RFC6121-4.2.2-1", "RFC6121-4.2.3-1"]
        "Initial presence does not reach subscribers.",
    PresenceNotToOtherResources "presence-not-to-other-resources" ["RFC6121-4.2.2-2"]
        "Initial presence does not reach the other resources of the account.",
    PresenceUpdateNotEchoed "presence-update-not-echoed" ["RFC6121-4.4.2-2"]
        "An update of presence is not sent to the resources of the account.",
    PresenceUpdateStripped "presence-update-stripped" ["RFC6121-4.4.2-1"]
        "An update of presence is broadcast without what is inside.",
    PresenceOfContactsUntold "presence-of-contacts-untold" ["RFC6121-4.3.2-10"]
        "Who becomes available is not told who is there.",
    ProbeRefused "probe-refused" ["RFC6121-4.3-4"]
        "A probe that a client sends is an error.",
    ProbeDelivered "probe-delivered" ["RFC6121-8.5.2.1.2-3"]
        "A probe is delivered to the contact.",
    UnavailableUntold "unavailable-untold" ["RFC6121-4.5.2-2", "RFC6121-4.7.1-2"]
        "Unavailable presence is not broadcast.",
    UnavailableStripped "unavailable-stripped" ["RFC6121-4.5.2-4"]
        "Unavailable presence is broadcast without what is inside.",
    UnavailableForGood "unavailable-for-good" ["RFC6121-4.5.2-7"]
        "Presence after unavailable presence is not broadcast.",
    LostConnectionUntold "lost-connection-untold" ["RFC6121-4.5.2-1", "RFC6121-4.5.2-6"]
        "Nobody is told when a connection is lost.",
    DirectedPresenceBroadcast "directed-presence-broadcast" ["RFC6121-4.6.3-4"]
        "Who got directed presence gets broadcasts too.",
    DirectedPresenceForgotten "directed-presence-forgotten" ["RFC6121-4.6.3-5", "RFC6121-4.6.3-6"]
        "Who got directed presence is not told of its end.",
    DirectedPresenceToNoResource "directed-presence-to-no-resource" ["RFC6121-8.5.3.2.2-1"]
        "Presence to a resource that is not there is delivered to the others.",
    PresenceOfUnknownType "presence-of-unknown-type" ["RFC6121-4.7.1-5"]
        "Presence of an unknown type is ignored.",
    // Messages by kind
    GroupchatDelivered "groupchat-delivered" ["RFC6121-8.5.2.1.1-8"]
        "A groupchat message to a bare JID is delivered, and comes back too.",
    GroupchatUnanswered "groupchat-unanswered" ["RFC6121-8.5.2.1.1-9"]
        "A groupchat message to a bare JID does not come back.",
    GroupchatCondition "groupchat-condition" ["RFC6121-8.5.2.1.1-10"]
        "A groupchat message to a bare JID comes back with another condition.",
    GroupchatStored "groupchat-stored" ["RFC6121-8.5.2.2.1-3"]
        "A groupchat message to somebody offline is stored.",
    HeadlineToOne "headline-to-one" ["RFC6121-8.5.2.1.1-13", "RFC6121-5.2.2-4"]
        "A headline does not reach the most available resource, if its priority is positive.",
    HeadlinesStored "headlines-stored" ["RFC6121-8.5.2.2.1-5"]
        "Headlines and errors to somebody offline are stored.",
    ErrorsDelivered "errors-delivered" ["RFC6121-8.5.2.1.1-14"]
        "An error message to a bare JID is delivered.",
    NegativePriorityIgnored "negative-priority-ignored" ["RFC6121-8.5.2.1.1-15"]
        "Messages to a bare JID reach all resources whatever their priority.",
    OfflineLost "offline-lost" ["RFC6120-10.5.3.2-2", "RFC6121-8.5.2.2.1-1"]
        "Messages to somebody offline are lost.",
    OfflineCondition "offline-condition" ["RFC6121-8.5.2.2.1-2"]
        "Messages to somebody offline come back with another condition.",
    ChatToNoResourceLost "chat-to-no-resource-lost" ["RFC6121-8.5.3.2.1-5"]
        "A chat message to a resource that is not there is lost.",
    RequestToNoResource "request-to-no-resource" ["RFC6121-8.5.3.2.3-1"]
        "A request to a resource that is not there is item-not-found.",
}

impl Fault {
    /// The fault of that name.
    pub fn from_name(name: &str) -> Option<Fault> {
        Fault::ALL
            .iter()
            .copied()
            .find(|fault| fault.name() == name)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for fault in Fault::ALL {
            assert_eq!(Fault::from_name(fault.name()), Some(*fault));
            assert!(!fault.requirements().is_empty());
        }
    }
}
