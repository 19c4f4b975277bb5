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
    HeaderWithoutId "header-without-id" ["RFC6120-4.7.3-6"]
        "The response header has no 'id'.",
    HeaderIdConstant "header-id-constant" ["RFC6120-4.7.3-2", "RFC6120-4.7.3-3", "RFC6120-4.3.3-6"]
        "Every response header has the same 'id'.",
    HeaderWithoutFrom "header-without-from" ["RFC6120-4.7.1-3"]
        "The response header has no 'from'.",
    HeaderWithoutLang "header-without-lang" ["RFC6120-4.7.4-3"]
        "The response header has no 'xml:lang'.",
    HeaderWithoutTo "header-without-to" ["RFC6120-4.7.2-3"]
        "The response header has no 'to' although the client sent 'from'.",
    HeaderEchoesVersion "header-echoes-version" ["RFC6120-4.7.5-6", "RFC6120-4.7.5-4"]
        "The response header repeats the client's version instead of the lower one.",
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
