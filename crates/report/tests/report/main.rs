//! Reports of small runs whose journals are written here, through the real writer and its masking and chain.

mod document;
mod html;
mod machines;
mod markdown;
mod run;
mod timeline;
mod view;
