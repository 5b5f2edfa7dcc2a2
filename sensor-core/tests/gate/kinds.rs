use crate::table::Table;
pub(crate) fn add(_: &mut Table) {}
