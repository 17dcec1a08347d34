//! The texts people edit, as values with the place of every part: goals, plan.md, approvals.md, agent files. Pure; shared by all faces.
