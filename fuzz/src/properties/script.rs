//! Scripts: diagnostics instead of panics.

use xmppspec_scenarios::{Diagnostic, Source, check, parse};

/// Any text is read or refused with diagnostics that point into it and can be shown.
pub fn script(data: &[u8]) {
    let source = Source {
        name: "fuzz.scs".to_owned(),
        text: String::from_utf8_lossy(data).into_owned(),
    };
    let errors = match parse(&source, "fuzz") {
        Ok(scripts) => {
            assert!(!scripts.is_empty(), "no error, and no script");
            Vec::new()
        }
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a reason");
            errors
        }
    };
    for diagnostic in errors.iter().chain(&check(&source, "fuzz")) {
        points_into(diagnostic, &source.text);
        assert!(!diagnostic.render(false, &source.text).is_empty());
    }
}

fn points_into(diagnostic: &Diagnostic, text: &str) {
    if let Some(span) = diagnostic.span() {
        assert!(
            text.get(span.clone()).is_some(),
            "{span:?} is no place in the script: {diagnostic:?}"
        );
    }
}
