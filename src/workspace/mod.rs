//! The folder we write: layout, journal, views, jail, catalog, lease. Blind to the models.
pub mod jail;
