//! libexpat and libxml2, the readers that most implementations stand on. Their C interfaces are declared here, so that
//! neither their headers nor a generator of bindings is needed.

pub(super) mod expat;
pub(super) mod libxml2;
