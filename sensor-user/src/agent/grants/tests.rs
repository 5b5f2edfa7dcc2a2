//! What a run covers.
