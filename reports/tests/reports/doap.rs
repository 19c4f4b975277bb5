//! Descriptions of projects (DOAP): what they claim, beside what was seen, and what is written back.

use xmppspec_reports::{
    Case, ClaimStatus, Claims, Doap, Judged, Options, RequirementInfo, Results, Run, Standing,
    Target, Verdict, render_claims,
};

const FILE: &str = "\
<?xml version='1.0' encoding='UTF-8'?>
<!-- made by hand -->
<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'
         xmlns='http://usefulinc.com/ns/doap#'
         xmlns:xmpp='https://linkmauve.fr/ns/xmpp-doap#'>
  <Project>
    <name>Made &amp; up</name>
    <implements rdf:resource='https://xmpp.org/rfcs/rfc6120.html'/>
    <implements rdf:resource='urn:ietf:rfc:7622'/>
    <implements rdf:resource='https://example.org/something-else'/>
    <implements>
      <xmpp:SupportedXep>
        <xmpp:xep rdf:resource='https://xmpp.org/extensions/xep-0001.html'/>
        <xmpp:status>complete</xmpp:status>
        <xmpp:version>1.0</xmpp:version>
        <xmpp:note xml:lang='en'>Says <![CDATA[<complete>]]></xmpp:note>
      </xmpp:SupportedXep>
    </implements>
    <implements>
      <xmpp:SupportedXep><xmpp:xep rdf:resource='https://xmpp.org/extensions/xep-0002.html'/></xmpp:SupportedXep>
    </implements>
    <implements>
      <xmpp:SupportedXep>
        <xmpp:xep rdf:resource='https://xmpp.org/extensions/xep-0003.html#x'/>
        <xmpp:status />
      </xmpp:SupportedXep>
    </implements>
    <implements>
      <xmpp:SupportedXep>
        <xmpp:status><!-- soon -->planned</xmpp:status>
        <xmpp:xep rdf:resource='https://xmpp.org/extensions/xep-0004.html'/>
      </xmpp:SupportedXep>
    </implements>
    <implements>
      <xmpp:SupportedXep>
        <xmpp:xep rdf:resource='https://xmpp.org/extensions/xep-0005.html'/>
        <xmpp:status>partial</xmpp:status>
      </xmpp:SupportedXep>
    </implements>
    <implements>
      <xmpp:SupportedXep>
        <xmpp:xep rdf:resource='https://xmpp.org/extensions/xep-0006.html'/>
        <xmpp:status>wontfix</xmpp:status>
      </xmpp:SupportedXep>
    </implements>
    <implements>
      <xmpp:SupportedXep>
        <xmpp:xep rdf:resource='https://xmpp.org/extensions/xep-0007.html'/>
        <xmpp:status>deprecated</xmpp:status>
      </xmpp:SupportedXep>
    </implements>
    <os>Linux</os>
  </Project>
</rdf:RDF>
";

/// XEP-0001 and 2 are broken in part, 3 and 4 hold as a whole, 5 is broken in part, 6 is not offered, 7 holds as a whole, 8 too
/// but for what was not judged, 9 is broken; RFC 6120 is broken, RFC 7622 holds, RFC 7590 holds.
fn results() -> Results {
    use Verdict::{Fail, Pass, Skip};
    let judged = [
        ("XEP-0001-1", Pass),
        ("XEP-0001-2", Fail),
        ("XEP-0002-1", Fail),
        ("XEP-0003-1", Pass),
        ("XEP-0004-1", Pass),
        ("XEP-0005-1", Pass),
        ("XEP-0005-2", Fail),
        ("XEP-0006-1", Skip),
        ("XEP-0007-1", Pass),
        ("XEP-0008-1", Pass),
        ("XEP-0009-1", Fail),
        ("RFC6120-1-1", Fail),
        ("RFC7622-1-1", Pass),
        ("RFC7590-1-1", Pass),
    ];
    let case = Case {
        judged: judged
            .map(|(id, verdict)| Judged::new(id, "MUST", verdict))
            .to_vec(),
        ..Case::new("x", "title", Fail)
    };
    let run = Run {
        target: Target {
            name: "made-up".to_owned(),
            version: Some("1.2".to_owned()),
            role: "server".to_owned(),
        },
        ..Run::default()
    };
    let untested = [
        ("XEP-0003-2", "MAY"),
        ("XEP-0008-2", "SHOULD"),
        ("RFC6120-2-1", "MUST"),
    ];
    Results::assemble(run, vec![case], untested, &[])
}

fn texts(id: &str) -> Option<RequirementInfo<'_>> {
    let mut info = RequirementInfo::from_id(id, "MUST");
    if id.starts_with("XEP") {
        info.spec = &id[..8];
    }
    Some(info)
}

fn claims(doap: &Doap) -> Claims {
    Claims::new(doap, &results(), &texts)
}

#[test]
fn claims_are_set_beside_what_was_seen() {
    let doap = Doap::read(FILE).unwrap();
    assert_eq!(doap.name, "Made & up");
    assert_eq!(doap.claims.len(), 9);
    assert_eq!(doap.claims[2].status, Some(ClaimStatus::Complete));
    assert_eq!(doap.claims[2].version.as_deref(), Some("1.0"));
    let claims = claims(&doap);
    let standing: Vec<(&str, Standing)> = claims
        .documents
        .iter()
        .map(|one| (one.document.as_str(), one.standing))
        .collect();
    use Standing::{Broken, NotClaimed, Seen};
    assert_eq!(
        standing,
        [
            ("RFC 6120", Broken),
            ("RFC 7622", Seen),
            ("XEP-0001", Broken),
            ("XEP-0002", Broken),
            ("XEP-0003", Seen),
            ("XEP-0004", NotClaimed),
            ("XEP-0005", Seen),
            // XEP-0006 is neither offered nor claimed.
            ("XEP-0007", Seen),
            ("RFC 7590", NotClaimed),
            ("XEP-0008", NotClaimed),
            // XEP-0009 is broken, and nobody claims it.
        ]
    );
    insta::assert_snapshot!(render_claims(&claims, &Options::default()));
}

#[test]
fn what_was_seen_is_written_back() {
    let doap = Doap::read(FILE).unwrap();
    let written = claims(&doap).rewrite(&doap);
    insta::assert_snapshot!(differences(FILE, &written));
    // Nothing is left to do.
    let again = Doap::read(&written).unwrap();
    assert_eq!(claims(&again).rewrite(&again), written);
    let added = again.claims.iter().any(|one| one.document == "RFC 7590");
    assert!(added);
}

/// The lines that differ, as a patch without its context.
fn differences(before: &str, after: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let mut out = String::new();
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if old.get(i) == new.get(j) {
            (i, j) = (i + 1, j + 1);
            continue;
        }
        // The next line that both have.
        let next = (i..old.len()).find_map(|a| {
            let b =
                (j..new.len()).find(|&b| old[a] == new[b] && old.get(a + 1) == new.get(b + 1))?;
            Some((a, b))
        });
        let (a, b) = next.unwrap_or((old.len(), new.len()));
        for line in &old[i..a] {
            out.push_str(&format!("-{line}\n"));
        }
        for line in &new[j..b] {
            out.push_str(&format!("+{line}\n"));
        }
        (i, j) = (a, b);
    }
    out
}

#[test]
fn other_forms_stay_what_they_are() {
    // Windows line ends, tabs, other prefixes, double quotes, all on one line.
    for file in [
        FILE.replace('\n', "\r\n"),
        FILE.replace("  ", "\t"),
        FILE.replace('\'', "\""),
        FILE.replace('\n', ""),
        FILE.replace("<xmpp:status />", "<xmpp:status></xmpp:status>"),
        FILE.replace("xmpp:", "x:").replace(":xmpp", ":x"),
        FILE.replace("xmlns='", "xmlns:d='")
            .replace("<implements", "<d:implements")
            .replace("</implements", "</d:implements")
            .replace("Project>", "d:Project>"),
    ] {
        let doap = Doap::read(&file).unwrap();
        assert_eq!(doap.claims.len(), 9, "{file}");
        let written = claims(&doap).rewrite(&doap);
        let again = Doap::read(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
        assert_eq!(again.claims.len(), 11);
        assert_eq!(claims(&again).rewrite(&again), written);
        for (one, other) in [("\r\n", "\n"), ("\"", "'")] {
            assert_eq!(written.contains(one), file.contains(one));
            assert!(
                !file.contains(one) || written.matches(one).count() > file.matches(one).count()
            );
            assert_eq!(
                file.replace(one, "").contains(other),
                written.replace(one, "").contains(other)
            );
        }
    }
}

#[test]
fn a_description_without_claims_gets_some() {
    let file = "<Project xmlns='http://usefulinc.com/ns/doap#'>\n\t<name>x</name>\n</Project>";
    let doap = Doap::read(file).unwrap();
    let written = claims(&doap).rewrite(&doap);
    let again = Doap::read(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
    let documents: Vec<&str> = again.claims.iter().map(|one| &*one.document).collect();
    let expected = [
        "RFC 7590", "RFC 7622", "XEP-0003", "XEP-0004", "XEP-0007", "XEP-0008",
    ];
    assert_eq!(documents, expected);
    assert!(written.starts_with(&file[..file.len() - "\n</Project>".len()]));
    assert!(written.ends_with("\n</Project>"));
}

#[test]
fn what_is_no_description_is_refused_with_the_place() {
    let project = |inside: &str| {
        format!(
            "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://usefulinc.com/ns/doap#' \
             xmlns:xmpp='https://linkmauve.fr/ns/xmpp-doap#'>{inside}</rdf:RDF>"
        )
    };
    let xep = |inside: &str| {
        project(&format!(
            "<Project><implements><xmpp:SupportedXep>{inside}</xmpp:SupportedXep></implements></Project>"
        ))
    };
    let bomb = "<!DOCTYPE a [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><a>&b;</a>";
    for (file, message, at) in [
        (String::new(), "not well-formed", ""),
        ("\0\u{1b}[2J".to_owned(), "not well-formed", "\0"),
        ("<a><b></a>".to_owned(), "not well-formed", "</a>"),
        ("<a>&x;</a>".to_owned(), "not well-formed", "&x;"),
        ("<a".to_owned(), "not well-formed", ""),
        ("<a>\n  <b>\n".to_owned(), "not well-formed", "\n"),
        (
            format!("\n{bomb}"),
            "a DOAP file has no document type",
            "<!DOCTYPE",
        ),
        ("<é/>".to_owned(), "there is no project", "<é"),
        (project(""), "there is no project", "<rdf:RDF"),
        (
            project("<Project><name/></Project><Project />"),
            "there is more than one project",
            "<Project />",
        ),
        (project("<Project/>"), "nothing is said", "<Project/>"),
        (
            xep("<xmpp:status>complete</xmpp:status>"),
            "it does not say which",
            "<xmpp:SupportedXep",
        ),
        (
            xep("<xmpp:xep>XEP-0001</xmpp:xep>"),
            "this is not the address",
            "<xmpp:xep",
        ),
        (
            xep("<xmpp:xep rdf:resource='xep-'/>"),
            "this is not the address",
            "xep-'",
        ),
        (
            xep("<xmpp:xep rdf:resource='xep-0001'/><xmpp:status>done</xmpp:status>"),
            "this is not a status",
            "done<",
        ),
    ] {
        let error = Doap::read(&file).expect_err(&file);
        assert!(error.message.starts_with(message), "{file}: {error}");
        assert!(
            file[error.span.start..].starts_with(at),
            "{file}: {error:?}"
        );
    }
}

#[test]
fn hostile_files_do_no_harm() {
    let deep = format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
    assert!(Doap::read(&deep).is_err());
    let name = "\u{1b}[2J\u{202e}<script>".replace('\u{1b}', "\u{9b}");
    let file = FILE
        .replace(
            "Made &amp; up",
            &format!("<![CDATA[{}]]>", name.repeat(1000)),
        )
        .replace(
            "1.0</xmpp:version>",
            &format!("{}</xmpp:version>", "9".repeat(100_000)),
        );
    let doap = Doap::read(&file).unwrap();
    let text = render_claims(&claims(&doap), &Options::default());
    assert!(!text.contains(['\u{9b}', '\u{202e}']));
    assert!(text.len() < 5000, "{}", text.len());
}
